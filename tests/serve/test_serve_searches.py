"""Saved searches and links to searches over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

_PATH = "/api/backbone/v1/searches"


def _as(tenant: str) -> dict[str, str]:
    return {"X-Scope-OrgID": tenant}


async def test_a_search_is_saved_listed_linked_to_and_deleted(client: httpx.AsyncClient) -> None:
    given = {"signal": "logs", "query": "error service:relay", "since": "15m", "name": "relay's errors"}

    saved = (await client.post(_PATH, json=given, headers=_as("s1"))).json()
    listed = (await client.get(_PATH, headers=_as("s1"))).json()["searches"]
    linked = (await client.get(f"{_PATH}/{saved['id']}", headers=_as("s1"))).json()
    others = await client.get(f"{_PATH}/{saved['id']}", headers=_as("s2"))
    deleted = await client.delete(f"{_PATH}/{saved['id']}", headers=_as("s1"))
    gone = await client.get(f"{_PATH}/{saved['id']}", headers=_as("s1"))

    assert saved == given | {"id": saved["id"], "until": "now"}
    assert listed == [saved]
    assert linked == saved
    assert (others.status_code, deleted.status_code, gone.status_code) == (404, 200, 404)


async def test_a_link_tells_the_time_at_which_it_was_made(client: httpx.AsyncClient) -> None:
    given = {"signal": "traces", "query": "{ status = error }", "since": "1h"}

    link = (await client.post(_PATH, json=given, headers=_as("s3"))).json()

    assert link["since"].endswith("Z")
    assert link["until"].endswith("Z")
    assert (await client.get(_PATH, headers=_as("s3"))).json()["searches"] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"query": "x"}, "'signal': required"),
        ({"signal": "logs", "query": '"open'}, "line 1, col 1: this quote is not closed"),
        ({"signal": "traces", "query": "{"}, "parse error at line 1, col 2"),
        ({"signal": "metrics", "query": "up{"}, "1:4: parse error"),
        ({"signal": "logs", "since": "soon"}, "'since': 'soon' is no time"),
        ({"signal": "logs", "since": "1h", "until": "2h"}, "'until': '2h' is before 'since'"),
        ({"signal": "logs", "name": "x" * 201}, "'name'"),
    ],
)
async def test_what_cannot_be_searched_is_not_saved(client: httpx.AsyncClient, given: Any, said: str) -> None:
    answer = await client.post(_PATH, json=given)

    assert answer.status_code == 400
    assert said in answer.json()["error"]
