"""What a request to Jaeger's API gives."""

from __future__ import annotations

import orjson

from backbone.model.errors import UserInputError
from backbone.model.time import now_ns
from backbone.query.attribute_filters import AttributeFilter
from backbone.query.times import parse_duration_ns
from backbone.query.traces import TraceSearch
from backbone.serve.given import Given

_NS_PER_US, _NS_PER_MS = 1_000, 1_000_000
_HOUR_NS = 3_600_000_000_000
_LIMIT, _MOST = 20, 1_500
_LATEST_NS = 4_102_444_800_000_000_000


def given_search(given: Given) -> TraceSearch:
    """
    Return the search: of a service, by operation, tags, durations and time.

    Raises:
        UserInputError: the service is missing, or something cannot be read.
    """
    if not (service := given.get("service")):
        raise UserInputError("parameter 'service' is required")
    now = now_ns()
    lookback = parse_duration_ns(given["lookback"], "lookback") if _is_duration(given.get("lookback", "")) else _HOUR_NS
    end = _number(given, "end", now // _NS_PER_US) * _NS_PER_US
    start = _number(given, "start", (end - lookback) // _NS_PER_US) * _NS_PER_US
    if end < start:
        raise UserInputError("'end': is before 'start'")
    tags = _tags(given)
    failed = tags.pop("error", "") == "true"
    return TraceSearch(
        start_ns=start,
        end_ns=end,
        service=service,
        operation=given.get("operation", ""),
        min_duration_ns=_duration(given, "minDuration"),
        max_duration_ns=_duration(given, "maxDuration"),
        errors_only=failed,
        attributes=tuple(AttributeFilter(key, "=", value) for key, value in tags.items()),
        limit=min(_number(given, "limit", _LIMIT) or _LIMIT, _MOST),
    )


def given_range(given: Given) -> tuple[int, int]:
    """Return the time of ``endTs`` and ``lookback``, milliseconds both, in nanoseconds; raises `UserInputError`."""
    end = _number(given, "endTs", now_ns() // _NS_PER_MS) * _NS_PER_MS
    lookback = _number(given, "lookback", 86_400_000) * _NS_PER_MS
    return max(end - lookback, 0), end


def _number(given: Given, name: str, default: int) -> int:
    text = given.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and len(text) <= 16):
        raise UserInputError(f"'{name}': unable to parse {text[:40]!r}: expected a whole number")
    return min(int(text), _LATEST_NS // _NS_PER_US)


def _duration(given: Given, name: str) -> int | None:
    return parse_duration_ns(given[name], name) if given.get(name) else None


def _is_duration(text: str) -> bool:
    # The UI sends words such as "custom" beside a start and an end.
    return text[:1].isdigit()


def _tags(given: Given) -> dict[str, str]:
    """Return the tags of ``tag=key:value`` and of ``tags={"key":"value"}``."""
    found = {}
    for text in given.getlist("tag"):
        key, colon, value = text.partition(":")
        if not colon:
            raise UserInputError(f"'tag': malformed {text[:60]!r}, expected key:value")
        found[key] = value
    for text in given.getlist("tags"):
        try:
            tags = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise UserInputError(f"'tags': malformed {text[:60]!r}, expected a JSON object: {error}") from None
        if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
            raise UserInputError(f"'tags': malformed {text[:60]!r}, expected a JSON object of texts")
        found |= tags
    return found
