"""Our own API's saved searches, and links to searches."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from backbone.model.errors import UserInputError
from backbone.model.time import now_ns
from backbone.query.logs import parse_text
from backbone.query.promql.parser import parse as parse_promql
from backbone.query.times import parse_time_ns, print_time
from backbone.query.traceql.parser import parse as parse_traceql
from backbone.records.searches import Search, Searches
from backbone.serve.answers import Answer
from backbone.serve.endpoint import Endpoint
from backbone.serve.errors import NotFound
from backbone.serve.openapi import Operation
from backbone.serve.parameters import Parameters
from backbone.serve.questions import NoQuestion, Text


class NewSearch(Parameters):
    """A search to keep: under a name, or only to link to it."""

    signal: Literal["logs", "traces", "metrics"]
    """What is searched."""
    query: Text = ""
    """A search text or LogQL of logs, TraceQL of traces, PromQL of metrics."""
    since: str = Field(default="1h", max_length=60)
    """Start: a duration back from now, RFC 3339, or seconds since 1970."""
    until: str = Field(default="now", max_length=60)
    """End, written likewise."""
    name: str = Field(default="", max_length=200)
    """What it is called; a link to it has none, and tells the time of now."""

    def search(self) -> Search:
        """
        Return what is kept; a link's time stays what it is now.

        Raises:
            UserInputError: the query, or a time, cannot be read.
        """
        if self.signal == "logs":
            parse_text(self.query)
        elif self.signal == "traces":
            parse_traceql(self.query)
        else:
            parse_promql(self.query)
        now = now_ns()
        times = [parse_time_ns(getattr(self, name), name, now_ns=now) for name in ("since", "until")]
        if times[1] < times[0]:
            raise UserInputError(f"'until': {self.until!r} is before 'since' {self.since!r}")
        shown = (self.since, self.until) if self.name else tuple(print_time(at) for at in times)
        return Search(self.signal, self.query, shown[0], shown[1], self.name)


class OneSearch(Parameters):
    """A search by its id."""

    search_id: str = Field(pattern="^[0-9a-f]{16}$")
    """16 hexadecimal digits."""


class KeptSearch(Answer):
    id: str
    signal: str
    query: str
    since: str
    until: str
    name: str

    @classmethod
    def of(cls, search: Search) -> KeptSearch:
        return cls.model_validate(search, from_attributes=True)


class KeptSearches(Answer):
    searches: list[KeptSearch]


class Deleted(Answer):
    id: str


def search_endpoints(searches: Searches) -> list[Endpoint[Any]]:
    """Return the endpoints."""

    async def listed(tenant: str, _question: NoQuestion) -> Answer:
        return KeptSearches(searches=[KeptSearch.of(search) for search in await searches.named(tenant)])

    async def saved(tenant: str, question: NewSearch) -> Answer:
        search = question.search()
        await searches.save(tenant, search)
        return KeptSearch.of(search)

    async def one(tenant: str, question: OneSearch) -> Answer:
        found = await searches.get(tenant, question.search_id)
        if found is None:
            raise NotFound(f"search {question.search_id} is not there")
        return KeptSearch.of(found)

    async def deleted(tenant: str, question: OneSearch) -> Answer:
        if not await searches.delete(tenant, question.search_id):
            raise NotFound(f"search {question.search_id} is not there")
        return Deleted(id=question.search_id)

    return [
        Endpoint(Operation("/searches", "Saved searches", NoQuestion, KeptSearches), listed),
        Endpoint(Operation("/searches", "Save a search, or link to it", NewSearch, KeptSearch, method="POST"), saved),
        Endpoint(Operation("/searches/{search_id}", "A search by its link", OneSearch, KeptSearch), one),
        Endpoint(Operation("/searches/{search_id}", "Delete a search", OneSearch, Deleted, method="DELETE"), deleted),
    ]
