"""
What a user's SQL may hold, decided on its tree as the engine's parser gives it.

Everything is refused that is not known to be harmless: kinds of nodes, tables and functions are lists of what is
allowed. The tree has no other way to name a table than those looked at here: a table after FROM or JOIN, a table
function there, and a bare name on the right of IN, which is a column or a table and therefore refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backbone.model.errors import UserInputError
from backbone.query.sql_functions import Functions

Node = dict[str, Any]

TABLES = (
    "spans", "operations", "edges", "logs", "series", "samples", "histograms", "exemplars", "metadata", "ingested",
    "findings",
)  # fmt: skip
"""Tables of telemetry; each has the column ``tenant``."""

_TENANT = "tenant"

_TABLE_FUNCTIONS = frozenset({"numbers", "generateseries", "generate_series", "values"})

_NODES = frozenset(
    {
        "ArrayJoin",
        "Asterisk",
        "ColumnsExceptTransformer",
        "ColumnsReplaceTransformer",
        "ColumnsReplaceTransformerReplacement",
        "ColumnsListMatcher",
        "ColumnsRegexpMatcher",
        "ColumnsTransformerList",
        "DataType",
        "ExpressionList",
        "Function",
        "Identifier",
        "InterpolateElement",
        "Literal",
        "OrderByElement",
        "QualifiedAsterisk",
        "QualifiedColumnsListMatcher",
        "QualifiedColumnsRegexpMatcher",
        "SampleRatio",
        "SelectIntersectExceptQuery",
        "SelectQuery",
        "SelectWithUnionQuery",
        "Subquery",
        "TableExpression",
        "TableIdentifier",
        "TableJoin",
        "TablesInSelectQuery",
        "TablesInSelectQueryElement",
        "WindowDefinition",
        "WindowListElement",
        "WithElement",
    }
)
_REFUSED = {
    "SetQuery": "SETTINGS",
    "QueryParameter": "a query parameter",
    "ColumnsApplyTransformer": "APPLY",
}
_SELECTS = frozenset({"SelectWithUnionQuery", "SelectIntersectExceptQuery", "SelectQuery"})
_OUTPUT = {"out_file": "INTO OUTFILE", "format_ast": "FORMAT", "format": "FORMAT", "settings_ast": "SETTINGS"}
_IN = frozenset(
    prefix + middle + suffix
    for prefix in ("", "global")
    for middle in ("in", "notin", "nullin", "notnullin")
    for suffix in ("", "ignoreset")
)


def check_tree(tree: Node, functions: Functions, existing: frozenset[str]) -> None:
    """
    Pass if the tree is a SELECT from telemetry tables and nothing else.

    Args:
        existing: all tables of the database; one that is not of telemetry can be no CTE's name either.

    Raises:
        UserInputError: it is not; the text names what is in the way.
    """
    if tree.get("type") not in _SELECTS:
        raise UserInputError("sql: only SELECT is accepted")
    nodes = list(_walk(tree))
    names = {str(node.get("name")) for node in nodes if node["type"] == "WithElement"}
    for name in sorted(names & existing):
        raise UserInputError(f"sql: '{name}' is a table and cannot be the name of a WITH query")
    for node in nodes:
        _check_node(node)
        match node["type"]:
            case "TableIdentifier":
                _check_table(node, names)
            case "TableExpression":
                _check_table_function(node)
            case "Function":
                _check_function(node, functions)


def confine(tree: Any, tenant: str) -> Any:
    """
    Return a checked tree in which every table of telemetry is a subquery of the tenant's rows.

    The tenant goes into the tree as a value, so no quoting can go wrong.
    """
    if isinstance(tree, list):
        return [confine(item, tenant) for item in tree]
    if not isinstance(tree, dict):
        return tree
    table = tree.get("database_and_table_name")
    if tree.get("type") == "TableExpression" and table is not None and table["name"] in TABLES:
        return _confined(tree, table, tenant)
    return {key: confine(value, tenant) for key, value in tree.items()}


def _confined(expression: Node, table: Node, tenant: str) -> Node:
    inner = expression | {"database_and_table_name": {"type": "TableIdentifier", "name": table["name"]}}
    own = {
        "type": "Function",
        "name": "equals",
        "is_operator": True,
        "arguments": _list(
            {"type": "Identifier", "name": _TENANT},
            {"type": "Literal", "value": {"field_type": "String", "value": tenant}},
        ),
    }
    select = {
        "type": "SelectQuery",
        "select": _list({"type": "Asterisk"}),
        "tables": {
            "type": "TablesInSelectQuery",
            "children": [{"type": "TablesInSelectQueryElement", "table_expression": inner}],
        },
        "where": own,
    }
    union = {"type": "SelectWithUnionQuery", "union_mode": "UNION_DEFAULT", "list_of_selects": _list(select)}
    alias = table.get("alias", table["name"])
    return {"type": "TableExpression", "subquery": {"type": "Subquery", "alias": alias, "children": [union]}}


def _list(*children: Node) -> Node:
    return {"type": "ExpressionList", "children": list(children)}


def _walk(value: Any) -> Iterator[Node]:
    """Yield every node of the tree: any object with a type, wherever it hangs."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            if isinstance(current.get("type"), str):
                yield current
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)


def _check_node(node: Node) -> None:
    kind = node["type"]
    if kind not in _NODES:
        raise UserInputError(f"sql: {_REFUSED.get(kind, kind)} is not accepted")
    if kind in _SELECTS:
        for key, clause in _OUTPUT.items():
            if node.get(key):
                raise UserInputError(f"sql: {clause} is not accepted")
    # An alias can reach into subqueries, and there stand for the column by which the tenant's rows are told.
    if node.get("alias") == _TENANT:
        raise UserInputError(f"sql: '{_TENANT}' cannot be an alias")


def _check_table(node: Node, with_names: set[str]) -> None:
    name = str(node.get("name"))
    if "name_parts" in node or (name not in TABLES and name not in with_names):
        raise UserInputError(f"sql: table '{name}' is not there to read; tables are {', '.join(TABLES)}")


def _check_table_function(node: Node) -> None:
    function = node.get("table_function")
    if function is not None and str(function.get("name")).lower() not in _TABLE_FUNCTIONS:
        raise UserInputError(f"sql: table function '{function.get('name')}' is not accepted")


def _check_function(node: Node, functions: Functions) -> None:
    name = str(node.get("name"))
    if not functions.allows(name) and name.lower() not in _TABLE_FUNCTIONS:
        raise UserInputError(f"sql: function '{name}' is not accepted")
    if name == "lambda":
        _check_lambda(node)
    if name.lower() in _IN:
        arguments = node.get("arguments", {}).get("children", [])
        if len(arguments) != 2 or arguments[1].get("type") not in {"Literal", "Subquery", "Function"}:
            raise UserInputError("sql: on the right of IN a list or a subquery is accepted, no bare name")


def _check_lambda(node: Node) -> None:
    arguments = node.get("arguments", {}).get("children", [])
    if any(inner.get("name") == _TENANT for inner in _walk(arguments[:1])):
        raise UserInputError(f"sql: '{_TENANT}' cannot be a lambda's argument")
