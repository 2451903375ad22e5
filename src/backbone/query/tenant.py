"""Who asks: a tenant sees what was sent in its name and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from backbone.model.errors import UserInputError

_TENANT = re.compile(r"[A-Za-z0-9!_.*'()-]{1,150}")


@dataclass(frozen=True, slots=True)
class Tenants:
    """How a request names its tenant."""

    header: str = "X-Scope-OrgID"
    default: str = "anonymous"
    """The tenant of a request without the header."""

    def of(self, headers: Mapping[str, str]) -> str:
        """
        Return the tenant of a request.

        Raises:
            UserInputError: the header is there and is no tenant's name.
        """
        text = headers.get(self.header)
        if text is None:
            return self.default
        if not _TENANT.fullmatch(text):
            raise UserInputError(
                f"{self.header}: {text[:200]!r} is no tenant; 1 to 150 of letters, digits and !_.*'()- are accepted"
            )
        return text
