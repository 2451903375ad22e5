"""
Prometheus remote write 1.0: snappy-compressed ``prometheus.WriteRequest`` at ``/api/v1/write``.

Prometheus tries again on 5xx and drops on 4xx, so it is asked to come back with 503.
Source: https://prometheus.io/docs/specs/prw/remote_write_spec/
"""

from __future__ import annotations

from starlette.types import Receive, Scope

from backbone.model.errors import UserInputError
from backbone.receive.body import UnknownEncodingError, receive_body
from backbone.receive.commit import Receipt
from backbone.receive.door import Answer, DoorApplication, Reception, Sender
from backbone.receive.samples import SampleIntake


class RemoteWrite:
    receiver = "remote_write"
    signal = "metrics"
    path = "/api/v1/write"
    overload_code = 503

    def decode(self, body: bytes, content_type: str) -> bytes:
        self.check(len(body), content_type)
        return body

    def check(self, size: int, content_type: str) -> None:
        """Refuse a body for what it is said to be, or for being empty when unpacked; raises `UserInputError`."""
        if content_type not in {"", "application/x-protobuf"}:
            raise UnknownEncodingError(f"content-type: expected application/x-protobuf, got '{content_type}'")
        if not size:
            raise UserInputError("body: expected a snappy-compressed WriteRequest, got nothing")

    def accept(self, receipt: Receipt, content_type: str) -> Answer:  # noqa: ARG002 - the protocol answers nothing
        return Answer(204)

    def refuse(self, code: int, message: str, content_type: str) -> Answer:  # noqa: ARG002 - plain text, as Prometheus
        return Answer(code, body=message.encode() + b"\n")


class RemoteWriteDoor(DoorApplication):
    """The door of remote write, whose bodies are unpacked and parted in one go, in memory that is used again."""

    def __init__(self, samples: SampleIntake, reception: Reception) -> None:
        self._protocol = RemoteWrite()
        super().__init__(self._protocol, reception)
        self._samples = samples

    async def _store(self, scope: Scope, receive: Receive, sender: Sender) -> Receipt:
        limits = self._reception.limits
        body = await receive_body(scope, receive, sender.hold, limits)
        packed = len(body)
        taken = await self._samples.take(body, sender.tenant, limits.max_decompressed_bytes)
        del body
        sender.hold.shrink(packed)
        self._protocol.check(taken.size, sender.content_type)
        sender.hold.grow(taken.held_bytes)
        self._count_bytes(taken.size)
        return await self._samples.store(taken, sender.tenant)
