"""The fleet's controls over HTTP, on loopback: what goes on, and faults to inject and lift."""

from __future__ import annotations

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backbone.config.units import Duration
from backbone.model.errors import UserInputError
from backbone.simulate.faults import WHAT_HAPPENS, Fault
from backbone.simulate.run import Simulation, until_ns


def control_app(simulation: Simulation) -> Starlette:
    """Return the application: ``/status``, ``/faults`` and ``/faults/{kind}``."""
    faults = simulation.fleet.faults

    async def status(_: Request) -> Response:
        progress = simulation.progress
        signals = {
            signal: {
                **{name: getattr(delivery, name) for name in ("sent", "acknowledged", "refused", "retries")},
                "ack_p99_ms": round(delivery.ack_p99_ms, 3),
            }
            for signal, delivery in progress.deliveries.items()
        }
        told = {"seconds": progress.seconds, "series": progress.series, "last_error": progress.last_error}
        return JSONResponse({**told, "signals": signals, "faults": [_shown(fault) for fault in progress.faults]})

    async def listing(_: Request) -> Response:
        return JSONResponse({"active": [_shown(fault) for fault in faults.active], "kinds": WHAT_HAPPENS})

    async def inject(request: Request) -> Response:
        try:
            target, seconds = _parse_wish(await request.body())
            fault = faults.inject(request.path_params["kind"], target, until_ns(seconds))
        except (UserInputError, ValueError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse(_shown(fault))

    async def lift(request: Request) -> Response:
        try:
            faults.lift(request.path_params["kind"])
        except UserInputError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({"active": [_shown(fault) for fault in faults.active]})

    return Starlette(
        routes=[
            Route("/status", status),
            Route("/faults", listing),
            Route("/faults/{kind}", inject, methods=["POST"]),
            Route("/faults/{kind}", lift, methods=["DELETE"]),
        ]
    )


def _parse_wish(body: bytes) -> tuple[str | None, float | None]:
    """
    Return the target and the seconds a request asks for; either may be left out, or null.

    Raises:
        UserInputError: the body is something else.
        ValueError: it is no JSON, or the duration is none.
    """
    wish = orjson.loads(body) if body else {}
    if not isinstance(wish, dict) or not set(wish) <= {"target", "duration"}:
        raise UserInputError(f"body: expected an object with target and duration, got {body[:80]!r}")
    target, duration = wish.get("target"), wish.get("duration")
    for name, value in (("target", target), ("duration", duration)):
        if value is not None and not isinstance(value, str):
            raise UserInputError(f"{name}: expected text, got {value!r}")
    seconds = Duration.parse(duration).seconds if duration is not None else None
    if seconds == 0:
        raise UserInputError("duration: expected more than nothing, got '0s'; leave it out for a fault without end")
    return target, seconds


def _shown(fault: Fault) -> dict[str, object]:
    return {"kind": fault.kind, "target": fault.target, "until_ns": fault.until_ns, "what": WHAT_HAPPENS[fault.kind]}
