"""
What can go wrong, by who has to act.

    BackboneError
    ├── UserInputError       the sender or the user: what was sent cannot be understood (400)
    │   └── ConfigError      whoever wrote the file: every problem of it at once
    ├── LimitExceeded        the sender or the operator: it was understood, and is too much (429)
    ├── DependencyError      nobody yet, it is tried again: the engine, the disk or a peer is not able now (503)
    │   └── StartError       the operator: a port, a directory or a version stands in the way of starting
    └── BackboneBug          us: a state that should not exist
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class BackboneError(Exception):
    """The base of all errors that Backbone raises on purpose; its text is meant for the person it names."""


class UserInputError(BackboneError):
    """What was sent cannot be understood; sending it again does not help."""


class ConfigError(UserInputError):
    """All problems of a file, in file order, each as ``path:line:column: where: what``."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class LimitExceeded(BackboneError):  # noqa: N818 - the word the API's users know
    """
    What was sent is more than an option allows.

    ``retry_after_seconds`` is set where the same request may pass later.
    """

    def __init__(self, message: str, *, limit: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.limit = limit
        """The option that set the limit, as the user writes it."""
        self.retry_after_seconds = retry_after_seconds


class DependencyError(BackboneError):
    """Something Backbone leans on is not able now; the same request may pass later."""

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StartError(DependencyError):
    """Backbone cannot start; the text says what stands in the way and what to do."""


class BackboneBug(BackboneError):  # noqa: N818 - it is a bug, not an error of anyone else
    """A state that should not exist; the text is for us."""
