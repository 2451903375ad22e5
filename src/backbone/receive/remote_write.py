"""
Prometheus remote write 1.0: snappy-compressed ``prometheus.WriteRequest`` at ``/api/v1/write``.

Prometheus tries again on 5xx and drops on 4xx, so it is asked to come back with 503.
Source: https://prometheus.io/docs/specs/prw/remote_write_spec/
"""

from __future__ import annotations

from backbone.model.errors import UserInputError
from backbone.receive.body import UnknownEncodingError
from backbone.receive.commit import Receipt
from backbone.receive.door import Answer


class RemoteWrite:
    receiver = "remote_write"
    signal = "metrics"
    path = "/api/v1/write"
    packed = "snappy"
    overload_code = 503

    def decode(self, body: bytes, content_type: str) -> bytes:
        if content_type not in {"", "application/x-protobuf"}:
            raise UnknownEncodingError(f"content-type: expected application/x-protobuf, got '{content_type}'")
        if not body:
            raise UserInputError("body: expected a snappy-compressed WriteRequest, got nothing")
        return body

    def accept(self, receipt: Receipt, content_type: str) -> Answer:  # noqa: ARG002 - the protocol answers nothing
        return Answer(204)

    def refuse(self, code: int, message: str, content_type: str) -> Answer:  # noqa: ARG002 - plain text, as Prometheus
        return Answer(code, body=message.encode() + b"\n")
