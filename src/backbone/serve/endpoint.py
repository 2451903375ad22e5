"""A path of our own API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from backbone.serve.openapi import Operation
from backbone.serve.parameters import Parameters

P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[P]):
    """What the document says of a path, and who answers."""

    operation: Operation[P]
    answer: Callable[[str, P], Coroutine[Any, Any, BaseModel]]
    """From the tenant and what it asks."""
