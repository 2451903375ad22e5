"""Who asks: a tenant sees what was sent in its name and nothing else."""

from __future__ import annotations

import re

from backbone.model.errors import UserInputError

DEFAULT_TENANT = "anonymous"
TENANT_HEADER = "X-Scope-OrgID"

_TENANT = re.compile(r"[A-Za-z0-9!_.*'()-]{1,150}")


def parse_tenant(text: str | None) -> str:
    """
    Return the tenant of a request, `DEFAULT_TENANT` when the header is absent.

    Raises:
        UserInputError: the header is there and is no tenant's name.
    """
    if text is None:
        return DEFAULT_TENANT
    if not _TENANT.fullmatch(text):
        raise UserInputError(
            f"{TENANT_HEADER}: {text[:200]!r} is no tenant; 1 to 150 of letters, digits and !_.*'()- are accepted"
        )
    return text
