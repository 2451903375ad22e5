"""How commands ask a running server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Annotated, Any, NoReturn

import typer

PREFIX = "/api/backbone/v1"

Http = Annotated[str, typer.Option("--http", metavar="HOST:PORT", help="The server to ask.")]
Tenant = Annotated[str, typer.Option(help="Whose telemetry is asked for; without it, the server's default.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON lines instead of tables.")]

DEFAULT_HTTP = "127.0.0.1:7070"


class Client:
    """Asks one server for one tenant; a refusal ends the command with its text."""

    def __init__(self, http: str, tenant: str, prefix: str = PREFIX) -> None:
        self._http = http
        import httpx  # noqa: PLC0415 - heavy

        headers = {"X-Scope-OrgID": tenant} if tenant else {}
        base = http if http.startswith(("http://", "https://")) else f"http://{http}"
        try:
            self._client = httpx.Client(base_url=base + prefix, headers=headers, timeout=120, trust_env=False)
        except httpx.InvalidURL as error:
            fail(f"--http: {http!r}: {error}")

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the answer; parameters that are None, empty or false are left out."""
        given = {name: value for name, value in parameters.items() if value}
        return self._answer("GET", path, params=given)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._answer("POST", path, json=body)

    def form(self, path: str, **fields: Any) -> Any:
        """Return the answer to a form, in which a query may be as long as it needs."""
        return self._answer("POST", path, data=fields)

    def _answer(self, method: str, path: str, **request: Any) -> Any:
        import httpx  # noqa: PLC0415 - heavy

        try:
            response = self._client.request(method, path, **request)
        except httpx.ConnectError:
            fail(f"nothing answers at {self._http}; start it with 'backbone serve'")
        except httpx.HTTPError as error:
            fail(f"{self._http}: {error or type(error).__name__}")
        try:
            answer = response.json()
        except ValueError:
            fail(f"{self._http}: status {response.status_code} without JSON; is it a backbone server?")
        if response.is_error:
            fail(str(answer.get("error", answer)))
        return answer


def fail(text: str) -> NoReturn:
    """End the command with a text for the person who ran it."""
    print(text, file=sys.stderr)
    raise typer.Exit(1)


def print_lines(items: Iterable[Any]) -> None:
    """Print each item as a line of JSON."""
    for item in items:
        print(json.dumps(item, ensure_ascii=False, separators=(",", ":")))
