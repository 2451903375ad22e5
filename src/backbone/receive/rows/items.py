"""What spans and log records have in common: resources and scopes around them, attributes, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from backbone.model.renames import Renames
from backbone.receive.form import Request
from backbone.receive.kernels.anyvalue import STRING
from backbone.receive.rows.block import Block, Ids, Runs, Texts, column, map_column
from backbone.receive.rows.plan import VALUE_TEXT
from backbone.receive.rows.renames import rename
from backbone.receive.rows.shredded import Numbers, Rows, Shredded
from backbone.store.engine import Piece
from backbone.store.wire.columns import LATEST_NS

MOST_SPREAD_BYTES = 128 << 20
"""What the attributes of resources and scopes of a request may take in all, when each of its items has them."""
_DAY_NS = 86_400 * 10**9
_MOST_DAYS = 100
_SERVICE = b"service.name"

Fault = tuple[str, NDArray[np.bool_], Numbers]
"""Why requests are refused, which rows it is true of, and the request of each row."""


@dataclass(frozen=True, slots=True)
class Nested:
    """Lists of messages within items, and where each list ends, as a column."""

    name: str
    rows: Rows
    ends: Piece


@dataclass(frozen=True)
class Items:
    """The items of a group: spans or log records, with their scopes and resources."""

    shredded: Shredded
    path: str
    renames: Renames = field(default_factory=Renames)
    texts: Texts = field(default_factory=Texts)

    @property
    def rows(self) -> Rows:
        return self.shredded.rows[self.path]

    def of(self, name: str) -> Rows:
        """Return the rows of a message within items."""
        return self.shredded.rows[f"{self.path}.{name}"]

    def nested(self, name: str) -> Nested:
        rows = self.of(name)
        return Nested(name, rows, column(rows.ends(len(self.rows)).astype(np.uint64)))

    @cached_property
    def scopes(self) -> Rows:
        return self.shredded.rows[self.path.rpartition(".")[0]]

    @cached_property
    def resources(self) -> Rows:
        return self.shredded.rows[self.path.partition(".")[0]]

    @cached_property
    def scope_of(self) -> Numbers:
        """The number of each item's scope."""
        return np.ascontiguousarray(self.rows.parents)

    @cached_property
    def resource_of(self) -> Numbers:
        """The number of each item's resource."""
        return self.scopes.parents[self.scope_of]

    @cached_property
    def request_of(self) -> Numbers:
        """The number of each item's request."""
        return self.resources.parents[self.resource_of]

    def attributes(self, rows: Rows, owners: int, renames: Mapping[str, str] | None = None) -> Runs:
        """Return lists of attributes, some of them with other names."""
        runs = Runs.of(rows, owners, self.texts)
        if renames:
            rename(rows, runs.keys, renames, self.texts)
        return runs

    @cached_property
    def said_by_resources(self) -> Rows:
        return self.shredded.rows[f"{self.path.partition('.')[0]}.resource.attributes"]

    @cached_property
    def said_by_scopes(self) -> Rows:
        return self.shredded.rows[f"{self.path.rpartition('.')[0]}.scope.attributes"]

    @cached_property
    def of_resources(self) -> Runs:
        return self.attributes(self.said_by_resources, len(self.resources), self.renames.resources)

    @cached_property
    def of_scopes(self) -> Runs:
        return self.attributes(self.said_by_scopes, len(self.scopes))

    @cached_property
    def _spread(self) -> Numbers:
        """How many bytes the attributes of each item's resource and scope take."""
        return self.of_resources.bytes_of()[self.resource_of] + self.of_scopes.bytes_of()[self.scope_of]

    @property
    def are_too_much(self) -> bool:
        """Whether resources and scopes take more than one request's may, when each item has them."""
        return int(self._spread.sum()) > MOST_SPREAD_BYTES

    def faults(self) -> Iterator[Fault]:
        """Yield what no item may have, however well it says the rest."""
        if self.are_too_much:
            of_request = np.bincount(self.request_of, weights=self._spread)
            reason = (
                f"resource.attributes: expected at most {MOST_SPREAD_BYTES} bytes in all, those of each item's "
                "resource and scope counted with each item"
            )
            yield reason, of_request > MOST_SPREAD_BYTES, np.arange(len(of_request))

    def services(self) -> Ids:
        """Return the number of the text that is each resource's service, an empty one where it has none."""
        rows, keys = self.said_by_resources, self.of_resources.keys
        found = np.flatnonzero(keys == self.texts.id(_SERVICE))
        owners, first = np.unique(rows.parents[found], return_index=True)
        found = found[first]
        is_text = rows.number("value")[found] == STRING
        services = np.full(len(self.resources), self.texts.id(b""), np.int32)
        services[owners[is_text]] = self.texts.ids(rows.chosen(found[is_text]), VALUE_TEXT)
        return services


def received_ns(items: Items, requests: Sequence[Request]) -> Numbers:
    """Return when each item's request came."""
    return np.array([one.received_ns for one in requests], np.int64)[items.request_of]


def put_said(block: Block, items: Items, requests: Sequence[Request]) -> None:
    """Put the columns that all items have."""
    texts, rows = items.texts, items.rows
    resource_of, scope_of, request_of = items.resource_of, items.scope_of, items.request_of
    tenants = np.array([texts.id(one.tenant.encode()) for one in requests], np.int32)
    services, resource_kinds = items.services(), texts.kinds(items.said_by_resources, items.of_resources)
    scope_kinds = texts.kinds(items.said_by_scopes, items.of_scopes)
    block.put("tenant", *texts.column(tenants[request_of]))
    block.numbers("received", received_ns(items, requests))
    block.put("service", *texts.column(services[resource_of]))
    block.put("resource", *map_column(items.of_resources.given(resource_of), texts))
    block.put("resource_kinds", *texts.column(resource_kinds[resource_of]))
    block.numbers(
        "resource_dropped_attributes", _count(items.resources, "resource.dropped_attributes_count")[resource_of]
    )
    block.put("resource_schema_url", *texts.column(texts.ids(items.resources, "schema_url")[resource_of]))
    block.put("scope", *texts.column(texts.ids(items.scopes, "scope.name")[scope_of]))
    block.put("scope_version", *texts.column(texts.ids(items.scopes, "scope.version")[scope_of]))
    block.put("scope_attributes", *map_column(items.of_scopes.given(scope_of), texts))
    block.put("scope_kinds", *texts.column(scope_kinds[scope_of]))
    block.numbers("scope_dropped_attributes", _count(items.scopes, "scope.dropped_attributes_count")[scope_of])
    block.put("scope_schema_url", *texts.column(texts.ids(items.scopes, "schema_url")[scope_of]))
    # What was found in a resource or a scope was found in all their items.
    around = items.resources.number("redactions")[resource_of] | items.scopes.number("redactions")[scope_of]
    block.numbers("redactions", around | rows.number("redactions"))
    block.numbers("resource_number", resource_of.astype(np.uint32))
    own = items.of("attributes")
    runs = items.attributes(own, len(rows), items.renames.items)
    block.put("attribute_kinds", *texts.column(texts.kinds(own, runs)))
    block.put("attribute_names", *texts.column(texts.lines(own, runs)))
    block.put("attributes", *map_column(runs, texts))
    block.numbers("dropped_attributes", _count(rows, "dropped_attributes_count"))


def put_nested(block: Block, items: Items, nested: Nested) -> None:
    """Put the columns that lists of messages with attributes have."""
    own = items.of(f"{nested.name}.attributes")
    runs = items.attributes(own, len(nested.rows))
    # Kinds are texts of their own here, without a dictionary.
    kinds = items.texts.texts(items.texts.kinds(own, runs))
    block.put(f"{nested.name}.attribute_kinds", nested.ends, kinds)
    block.put(f"{nested.name}.attributes", nested.ends, *map_column(runs, items.texts))
    dropped = _count(nested.rows, "dropped_attributes_count")
    block.put(f"{nested.name}.dropped_attributes", nested.ends, column(dropped))


def known(numbers: Numbers, last: int) -> NDArray[np.int8]:
    """Return numbers as protobuf's ``int32`` has them, 0 for those that are none of the first ones up to *last*."""
    numbers = numbers.astype(np.int32)
    return np.where((numbers >= 0) & (numbers <= last), numbers, 0).astype(np.int8)


def _count(rows: Rows, path: str) -> NDArray[np.uint32]:
    return rows.number(path).astype(np.uint32)


def missized(rows: Rows, path: str, name: str, requests: Numbers, size: int, *, optional: bool = False) -> Fault:
    """Return the fault of texts that are not of a size; an *optional* one may be empty."""
    sizes = rows.size(path)
    wrong = sizes != size
    if optional:
        wrong &= sizes != 0
    return f"{name}: expected {size} bytes", wrong, requests


def late(rows: Rows, path: str, name: str, requests: Numbers) -> Fault:
    """Return the fault of times past `LATEST_NS`."""
    wrong = rows.number(path).astype(np.uint64) > LATEST_NS
    return f"{name}: expected nanoseconds up to the year 2100", wrong, requests


def scattered(times_ns: Numbers, requests: Numbers) -> Iterator[Fault]:
    """Yield the fault of requests with times on too many days, each of which is a part of its own on disk."""
    days = times_ns // _DAY_NS
    if not len(days) or days.max() - days.min() < _MOST_DAYS:
        return
    of_request = np.unique(np.stack([requests, days]), axis=1)[0]
    reason = f"times: expected at most {_MOST_DAYS} different days in one request"
    counts = np.bincount(of_request)
    yield reason, counts > _MOST_DAYS, np.arange(len(counts))


def refused(faults: Iterator[Fault]) -> dict[int, str]:
    """Return the requests at fault and why, the first fault of each."""
    blamed: dict[int, str] = {}
    for reason, wrong, requests in faults:
        if wrong.any():
            blamed = dict.fromkeys(np.unique(requests[wrong]).tolist(), reason) | blamed
    return blamed
