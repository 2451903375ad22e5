"""Tenants: whose telemetry it is."""

from __future__ import annotations

import re

from backbone.model.errors import UserInputError

_TENANT = re.compile(r"[A-Za-z0-9!_.*'()-]{1,150}")
TENANT_FORM = "1 to 150 of letters, digits and !-_.*'()"


def is_tenant(name: str) -> bool:
    """Return whether *name* is one that Loki, Mimir and Tempo accept too."""
    return _TENANT.fullmatch(name) is not None and name not in {".", ".."}


def parse_tenant(value: str | None, default: str) -> str:
    """
    Return the tenant a request names, or *default* where it names none.

    Raises:
        UserInputError: the name has other characters, or more, than Loki, Mimir and Tempo accept.
    """
    if not value:
        return default
    if not is_tenant(value):
        raise UserInputError(f"X-Scope-OrgID: expected {TENANT_FORM}, got {value[:150]!r}")
    return value
