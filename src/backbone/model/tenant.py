"""Tenants: whose telemetry it is."""

from __future__ import annotations

import re

from backbone.model.errors import UserInputError

_TENANT = re.compile(r"[A-Za-z0-9!_.*'()-]{1,150}")


def parse_tenant(value: str | None, default: str) -> str:
    """
    Return the tenant a request names, or *default* where it names none.

    Raises:
        UserInputError: the name has other characters, or more, than Loki, Mimir and Tempo accept.
    """
    if not value:
        return default
    if not _TENANT.fullmatch(value) or value in {".", ".."}:
        raise UserInputError(f"X-Scope-OrgID: expected 1 to 150 of letters, digits and !-_.*'(), got {value[:150]!r}")
    return value
