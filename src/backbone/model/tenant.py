"""Tenants: whose telemetry it is; each sees what was sent in its name and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backbone.model.errors import UserInputError

_TENANT = re.compile(r"[A-Za-z0-9!_.*'()-]{1,150}")
TENANT_FORM = "1 to 150 of letters, digits and !-_.*'()"


def is_tenant(name: str) -> bool:
    """Return whether *name* is one that Loki, Mimir and Tempo accept too."""
    return _TENANT.fullmatch(name) is not None and name not in {".", ".."}


@dataclass(frozen=True, slots=True)
class Tenants:
    """How requests name their tenant."""

    header: str = "X-Scope-OrgID"
    default: str = "anonymous"
    """The tenant of a request without the header."""

    def parse(self, value: str | bytes | None) -> str:
        """
        Return the tenant that the header's value names.

        Raises:
            UserInputError: it is there and is no tenant's name.
        """
        if value is None:
            return self.default
        value = value.decode("latin-1") if isinstance(value, bytes) else value
        if not is_tenant(value):
            raise UserInputError(f"{self.header}: expected {TENANT_FORM}, got {value[:150]!r}")
        return value
