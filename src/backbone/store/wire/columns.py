"""The columns of spans and log records, as for tables: what receivers write, policy works on, and the store keeps."""

from __future__ import annotations

ATTRIBUTES = "Map(LowCardinality(String), String)"
"""The type of attributes in every table."""

LATEST_NS = 4_102_444_800 * 10**9
"""The last time that is taken, the start of the year 2100: past it days wrap around, and with them what is kept."""

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
"""What an item, its resource and its scope say of themselves."""

SPAN_COLUMNS = f"""
    tenant LowCardinality(String),
    received DateTime64(9, 'UTC'),
    service LowCardinality(String),
    name LowCardinality(String),
    time DateTime64(9, 'UTC'),
    duration_ns UInt64,
    trace_id FixedString(16),
    span_id FixedString(8),
    parent_span_id FixedString(8),
    trace_state String,
    flags UInt32,
    kind Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5),
    status Enum8('unset' = 0, 'ok' = 1, 'error' = 2),
    status_message String,
    {SAID_COLUMNS},
    events Nested (
        time DateTime64(9, 'UTC'), name LowCardinality(String), attributes {ATTRIBUTES},
        attribute_kinds String, dropped_attributes UInt32),
    dropped_events UInt32,
    links Nested (
        trace_id FixedString(16), span_id FixedString(8), trace_state String, attributes {ATTRIBUTES},
        attribute_kinds String, dropped_attributes UInt32, flags UInt32),
    dropped_links UInt32
"""

LOG_COLUMNS = f"""
    tenant LowCardinality(String),
    received DateTime64(9, 'UTC'),
    service LowCardinality(String),
    time DateTime64(9, 'UTC'),
    observed DateTime64(9, 'UTC'),
    severity UInt8,
    severity_text LowCardinality(String),
    body String,
    body_kind LowCardinality(String),
    event_name LowCardinality(String),
    trace_id FixedString(16),
    span_id FixedString(8),
    flags UInt32,
    {SAID_COLUMNS}
"""

WRITTEN = "redactions UInt64, resource_number UInt32, attribute_names LowCardinality(String)"
"""
What receivers say of each item besides: which rules found something in it, which resource of a group is its, and all
names of its attributes, a line each, so that what is asked of names is asked once for all items that have the same.
"""


def declared(columns: str) -> dict[str, str]:
    """
    Return the names of columns declared as for a table, and their types.

    The parts of a ``Nested`` column are columns of their own: ``events.name``.
    """
    types: dict[str, str] = {}
    for declaration in _split(columns):
        name, kind = declaration.split(maxsplit=1)
        if kind.startswith("Nested"):
            inner = declared(kind[kind.index("(") + 1 : kind.rindex(")")])
            types |= {f"{name}.{part}": f"Array({of_part})" for part, of_part in inner.items()}
        else:
            types[name] = kind
    return types


def _split(declarations: str) -> list[str]:
    """Split at commas that stand in no brackets."""
    parts, depth = [""], 0
    for character in declarations:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]
