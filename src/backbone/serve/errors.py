"""Errors as the HTTP faces answer them, by whose fault they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import orjson
from starlette.responses import PlainTextResponse, Response

from backbone.model.errors import BackboneError, DependencyError, LimitExceeded, UserInputError
from backbone.query.promql.errors import EvaluationError

ErrorType = Literal["bad_data", "not_found", "too_many_requests", "execution", "unavailable", "internal"]

CLIENT_GONE = 499
"""Never seen by anyone; the access log knows it as nginx has it."""


class NotFound(UserInputError):  # noqa: N818 - named as HTTP names it
    """What was asked for by its id is not there."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error's place in HTTP."""

    status: int
    error_type: ErrorType
    retry_after_seconds: float | None = None

    @property
    def headers(self) -> dict[str, str]:
        if self.retry_after_seconds is None:
            return {}
        return {"Retry-After": str(max(math.ceil(self.retry_after_seconds), 1))}


def problem(error: BackboneError) -> Problem:
    """Return how *error* is answered."""
    match error:
        case NotFound():
            return Problem(404, "not_found")
        case EvaluationError():
            return Problem(422, "execution")
        case UserInputError():
            return Problem(400, "bad_data")
        case LimitExceeded(retry_after_seconds=None):
            # It will be too much the next time too.
            return Problem(422, "execution")
        case LimitExceeded():
            return Problem(429, "too_many_requests", error.retry_after_seconds)
        case DependencyError():
            return Problem(503, "unavailable", error.retry_after_seconds)
        case _:
            return Problem(500, "internal")


def json_error(error: BackboneError) -> Response:
    """Return the error in Prometheus' shape, which our own API has too."""
    found = problem(error)
    body = {"status": "error", "errorType": found.error_type, "error": str(error)}
    return Response(orjson.dumps(body), found.status, found.headers, "application/json")


def text_error(error: BackboneError) -> Response:
    """Return the error as plain text, as Tempo does."""
    found = problem(error)
    return PlainTextResponse(str(error), found.status, found.headers)
