"""
Samples that a policy is run on, and what tests expect of it.

A test file is YAML, in the spirit of promtool's:

    tests:
      - name: a shop says where it runs
        input: {resourceSpans: […]}   # OTLP/JSON of any signal; or input_file: span.json
        expect:
          - of: checkout              # the span's name, the body or the metric; without it, all items
            kept: false
            refused: policy:region
            breaches: [region]
            attributes: {http.request.method: GET, http.method: null}

Each of ``service``, ``kept``, ``dropped``, ``refused``, ``sampled_out``, ``over_limit``, ``breaches``, ``redactions``
is what it has to be, and each key of ``attributes``, ``resource`` and ``labels``; ``null`` is not there.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from backbone.app import scratch_store
from backbone.app.forms import form_of
from backbone.config.load import parse_file
from backbone.config.policy import PolicyConfig
from backbone.config.section import Section
from backbone.model.errors import BackboneError, UserInputError
from backbone.model.time import now_ns
from backbone.process import Policy, compile_policy
from backbone.process.redact import Redaction
from backbone.process.trial import Item, trial
from backbone.receive.body import BodyLimits, unpack_body
from backbone.receive.envelope import check as check_message
from backbone.receive.form import Request, Unfit
from backbone.receive.otlp import Signal
from backbone.receive.otlp_json import transcode
from backbone.simulate.recording import read_recording
from backbone.store.engine import Engine, QueryLimits
from backbone.store.wire import WireName, wire

_LIMITS = QueryLimits(timeout_seconds=60)
_MAX_BYTES = BodyLimits().max_decompressed_bytes
_PLAIN = {"", "identity"}
_FIELDS: dict[str, Signal] = {"resourceSpans": "traces", "resourceLogs": "logs", "resourceMetrics": "metrics"}
_PATHS: dict[str, Signal | Literal["remote_write"]] = {
    "/v1/traces": "traces",
    "/v1/logs": "logs",
    "/v1/metrics": "metrics",
    "/api/v1/write": "remote_write",
}


_Value = str | int | float | bool | None


class Expected(Section):
    """What is expected of items; what is not said may be anything."""

    of: str | None = None
    service: str | None = None
    kept: bool | None = None
    dropped: str | None = None
    refused: str | None = None
    sampled_out: str | None = None
    over_limit: str | None = None
    breaches: Annotated[tuple[str, ...] | None, Field(strict=False)] = None
    redactions: Annotated[tuple[str, ...] | None, Field(strict=False)] = None
    attributes: dict[str, _Value] = Field(default_factory=dict)
    resource: dict[str, _Value] = Field(default_factory=dict)
    labels: dict[str, _Value] = Field(default_factory=dict)

    def differences(self, items: Sequence[Item]) -> Iterator[str]:
        """Yield what is not as expected."""
        meant = [item for item in items if self.of is None or item.title == self.of]
        if not meant:
            titles = ", ".join(sorted({repr(item.title) for item in items})) or "nothing"
            yield f"expected {self.of or 'an item'!r}, got {titles}"
        for item in meant:
            for what, expected, got in self._compared(item):
                if expected != got:
                    yield f"{item.title}: {what}: expected {_shown(expected)}, got {_shown(got)}"

    def _compared(self, item: Item) -> Iterator[tuple[str, Any, Any]]:
        got = asdict(item) | {"kept": item.is_kept}
        for name in ("service", "kept", "dropped", "refused", "sampled_out", "over_limit"):
            if (expected := getattr(self, name)) is not None:
                yield name, expected, got[name]
        for name in ("breaches", "redactions"):
            if (expected := getattr(self, name)) is not None:
                yield name, sorted(expected), sorted(got[name])
        for name in ("attributes", "resource", "labels"):
            for key, expected in getattr(self, name).items():
                yield f"{name}.{key}", _text(expected), item.after.get(name, {}).get(key)


def _shown(value: Any) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def _text(value: Any) -> str | None:
    """Return a value as it is stored."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


class Case(Section):
    """One test."""

    name: str
    input: dict[str, Any] | None = None
    input_file: str | None = None
    expect: Annotated[tuple[Expected, ...], Field(strict=False)]


class _Cases(Section):
    """A file of tests."""

    tests: Annotated[tuple[Case, ...], Field(strict=False)]


@dataclass(frozen=True, slots=True)
class Sample:
    """Requests as protobuf, each with its wire, and what is expected of what they hold."""

    name: str
    requests: tuple[tuple[WireName, bytes], ...]
    expected: tuple[Expected, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a sample."""

    name: str
    items: tuple[Item, ...]
    failures: tuple[str, ...]
    is_test: bool

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what programs read of it."""
        if self.is_test:
            yield {"test": self.name, "passed": not self.failures, "failures": list(self.failures)}
        else:
            yield from ({"sample": self.name, **asdict(item)} for item in self.items)


def read_samples(path: Path) -> Iterator[Sample]:
    """
    Yield the samples of a file: one, or a test file's tests.

    Raises:
        UserInputError: it cannot be read as any of what it may be.
    """
    try:
        if path.suffix in {".yaml", ".yml"}:
            yield from _tests(path)
        elif path.suffix == ".json":
            yield Sample(str(path), (_request(path.read_bytes(), str(path)),))
        else:
            yield Sample(str(path), tuple(_recorded(path)))
    except (OSError, UnicodeDecodeError) as error:
        raise UserInputError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _tests(path: Path) -> Iterator[Sample]:
    cases = parse_file(_Cases, path.read_bytes(), str(path), {}).tests
    for case in cases:
        name = f"{path}: {case.name}"
        if (case.input is None) == (case.input_file is None):
            raise UserInputError(
                f"{name}: expected 'input' or 'input_file', got {'none' if case.input is None else 'both'}"
            )
        body = (
            json.dumps(case.input).encode() if case.input_file is None else (path.parent / case.input_file).read_bytes()
        )
        yield Sample(name, (_request(body, name),), case.expect)


def _request(body: bytes, name: str) -> tuple[WireName, bytes]:
    """Return OTLP/JSON as protobuf, of the signal that its outermost field tells."""
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise UserInputError(f"{name}: no JSON: {error}") from error
    found = [signal for field, signal in _FIELDS.items() if isinstance(fields, dict) and field in fields]
    if len(found) != 1:
        raise UserInputError(f"{name}: expected OTLP/JSON with one of {', '.join(_FIELDS)}")
    try:
        return found[0], transcode(found[0], body)
    except UserInputError as error:
        raise UserInputError(f"{name}: {error}") from error


def _recorded(path: Path) -> Iterator[tuple[WireName, bytes]]:
    try:
        yield from _requests(path)
    except UserInputError as error:
        raise UserInputError(f"{path}: {error}") from error


def _requests(path: Path) -> Iterator[tuple[WireName, bytes]]:
    with path.open("rb") as file:
        for request in read_recording(file):
            name = _PATHS[request.path]
            encoding = "snappy" if name == "remote_write" else request.content_encoding
            body = unpack_body(request.body, encoding, _MAX_BYTES) if encoding not in _PLAIN else request.body
            is_json = request.content_type.startswith("application/json")
            yield name, transcode(name, body) if is_json and name != "remote_write" else body


async def run(config: PolicyConfig, samples: Sequence[Sample]) -> list[Outcome]:
    """
    Return what comes of samples, each by itself.

    Raises:
        BackboneError: the store does not take one, whose name the text gives.
    """
    policy = compile_policy(config)
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="backbone-policy-") as directory:
        # What steps look into is there; what they do is tried on what is stored as it came.
        async with scratch_store(
            Path(directory), Policy(redaction=Redaction(recalls=policy.redaction.recalls))
        ) as engine:
            for number, sample in enumerate(samples):
                tenant = f"sample-{number}"
                await _store(engine, tenant, sample)
                items = tuple(await trial(engine, tenant, policy, _LIMITS))
                failures = tuple(text for one in sample.expected for text in one.differences(items))
                outcomes.append(Outcome(sample.name, items, failures, is_test=bool(sample.expected)))
    return outcomes


async def _store(engine: Engine, tenant: str, sample: Sample) -> None:
    for place, (name, body) in enumerate(sample.requests):
        shape = wire(name)
        try:
            check_message(body)
            payload = form_of(name, engine).payload([Request(body, tenant, now_ns())])
            await engine.insert(shape.table, shape.proto, payload, token=f"{tenant}-{place}")
        except BackboneError as error:
            raise UserInputError(f"{sample.name}: {error}") from error
        except Unfit as error:
            raise UserInputError(f"{sample.name}: {error.refused[0]}") from error
