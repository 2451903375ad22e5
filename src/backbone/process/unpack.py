"""
From a request to its items: OpenTelemetry nests items in scopes and scopes in resources.

What belongs to a resource or a scope is worked out before the items are spread out, once and not once per item.
"""

from __future__ import annotations

from collections.abc import Sequence

from backbone.process.step import NOT_STORED, UNTOUCHED, Step, carried, govern_resources
from backbone.process.values import ATTRIBUTES, attribute_map, kinds, plain_elements, string_of

SAID_COLUMNS = f"""
    attributes {ATTRIBUTES},
    attribute_kinds LowCardinality(String),
    dropped_attributes UInt32,
    resource {ATTRIBUTES},
    resource_kinds LowCardinality(String),
    resource_dropped_attributes UInt32,
    resource_schema_url LowCardinality(String),
    scope LowCardinality(String),
    scope_version LowCardinality(String),
    scope_attributes {ATTRIBUTES},
    scope_kinds LowCardinality(String),
    scope_dropped_attributes UInt32,
    scope_schema_url LowCardinality(String)
"""
"""The columns of what an item, its resource and its scope say of themselves, as for a table."""

_RESOURCE = f"""
    tenant,
    fromUnixTimestamp64Nano(toInt64(received_ns), 'UTC') AS received,
    {string_of("r.resource.attributes", "service.name")} AS service,
    {attribute_map("r.resource.attributes", 1)} AS resource,
    {kinds("r.resource.attributes")} AS resource_kinds,
    r.resource.dropped_attributes_count AS resource_dropped_attributes,
    r.schema_url AS resource_schema_url,
    r.redactions AS redactions, {UNTOUCHED}"""

_SCOPE = f"""
    s.scope.name AS scope,
    s.scope.version AS scope_version,
    {attribute_map("s.scope.attributes", 2)} AS scope_attributes,
    {kinds("s.scope.attributes")} AS scope_kinds,
    s.scope.dropped_attributes_count AS scope_dropped_attributes,
    s.schema_url AS scope_schema_url"""

# What was found in a resource or a scope was found in all their items.
_REDACTIONS = "bitOr(bitOr(redactions, scope_redactions), i.redactions) AS redactions"

_RESOURCE_COLUMNS = (
    "tenant, received, service, resource, resource_kinds, resource_dropped_attributes, resource_schema_url, "
    + NOT_STORED
)
_SCOPE_COLUMNS = "scope, scope_version, scope_attributes, scope_kinds, scope_dropped_attributes, scope_schema_url"


def unpack(wire: str, resources: str, scopes: str, items: str, columns: str, steps: Sequence[Step] = ()) -> str:
    """
    Return the select of a request's items with what their resource and scope say.

    Args:
        wire: the table of requests.
        resources: the field that holds the request's resources.
        scopes: the field that holds a resource's scopes.
        items: the field that holds a scope's items.
        columns: expressions over one item, ``i``, and ``received_ns``.
        steps: what is done with resources before their items are spread out; with items it is not done here.
    """
    each = f"SELECT tenant, received_ns, arrayJoin({resources}) AS r FROM {wire}"
    found = f"SELECT received_ns, r, {_RESOURCE} FROM ({each})"
    governed = govern_resources(found, ["received_ns", "r", *_RESOURCE_COLUMNS.split(", ")], steps)
    ours = ", ".join([_RESOURCE_COLUMNS, *carried(steps)])
    return plain_elements(f"""
SELECT {ours.replace(" redactions,", f" {_REDACTIONS},")}, {_SCOPE_COLUMNS}, {columns}
FROM (
    SELECT {ours}, received_ns, {_SCOPE}, s.redactions AS scope_redactions, arrayJoin(s.{items}) AS i
    FROM (SELECT received_ns, {ours}, arrayJoin(r.{scopes}) AS s FROM ({governed}))
)
""")
