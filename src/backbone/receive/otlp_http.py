"""OTLP over HTTP at ``/v1/traces``, ``/v1/logs`` and ``/v1/metrics``, as protobuf or JSON."""

from __future__ import annotations

from google.protobuf.json_format import MessageToJson
from google.rpc import code_pb2, status_pb2

from backbone.receive.body import UnknownEncodingError
from backbone.receive.commit import Receipt
from backbone.receive.door import Answer
from backbone.receive.otlp import Signal, response
from backbone.receive.otlp_json import transcode

_JSON, _PROTOBUF = "application/json", "application/x-protobuf"
_STATUS = {
    400: code_pb2.INVALID_ARGUMENT,
    408: code_pb2.DEADLINE_EXCEEDED,
    413: code_pb2.INVALID_ARGUMENT,
    429: code_pb2.RESOURCE_EXHAUSTED,
    503: code_pb2.UNAVAILABLE,
}


class OtlpHttp:
    receiver = "otlp_http"
    packed = ""
    overload_code = 429

    def __init__(self, signal: Signal) -> None:
        self.signal: str = signal
        self._signal: Signal = signal
        self.path = f"/v1/{signal}"

    def decode(self, body: bytes, content_type: str) -> bytes:
        if content_type == _PROTOBUF:
            return body
        if content_type == _JSON:
            return transcode(self._signal, body)
        raise UnknownEncodingError(f"content-type: expected {_PROTOBUF} or {_JSON}, got '{content_type}'")

    def accept(self, receipt: Receipt, content_type: str) -> Answer:
        message = response(self._signal, receipt)
        if content_type == _JSON:
            return Answer(200, _JSON, MessageToJson(message, indent=None).encode())
        return Answer(200, _PROTOBUF, message.SerializeToString())

    def refuse(self, code: int, message: str, content_type: str) -> Answer:
        status = status_pb2.Status(code=_STATUS.get(code, code_pb2.UNKNOWN), message=message)
        if content_type == _JSON:
            return Answer(code, _JSON, MessageToJson(status, indent=None).encode())
        return Answer(code, _PROTOBUF, status.SerializeToString())
