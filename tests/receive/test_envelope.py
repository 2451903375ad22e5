"""What may go to the engine with an envelope of ours behind it."""

from __future__ import annotations

import pytest
from google.protobuf import message
from hypothesis import example, given
from hypothesis import strategies as st

from backbone.model.errors import UserInputError
from backbone.receive.envelope import _Envelope, check, pieces, varint

_FIELD = 1 << 3 | 2
_OURS = [
    pytest.param(varint(1000 << 3 | 2) + b"\x01x", 1000, id="a tenant"),
    pytest.param(varint(1001 << 3 | 1) + bytes(8), 1001, id="a time of receipt"),
]


def _fields(*contents: bytes) -> bytes:
    return b"".join(varint(_FIELD) + varint(len(content)) + content for content in contents)


def _is_taken(body: bytes) -> bool:
    try:
        check(body)
    except UserInputError:
        return False
    return True


def _is_message(body: bytes) -> bool:
    try:
        return not _Envelope.FromString(body).ListFields()
    except message.DecodeError:
        return False


@given(st.lists(st.binary(max_size=300), max_size=130).map(lambda contents: _fields(*contents)))
def test_messages_in_the_first_field_are_taken_however_many_and_large(body: bytes) -> None:
    assert _is_taken(body)


@given(
    st.lists(st.binary(max_size=200), max_size=3).map(lambda contents: _fields(*contents)),
    st.integers(0, 800),
    st.binary(max_size=8),
)
@example(b"", 0, b"\x0a")
@example(b"", 0, b"\x0a\x80")
@example(b"", 0, b"\x0a\x81\x80\x80\x80\x80")
@example(b"", 0, b"\x0a\xff\xff\xff\xff\x7f")
@example(b"", 0, b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")
def test_bytes_are_taken_if_they_are_a_message_without_our_fields(body: bytes, kept: int, more: bytes) -> None:
    body = body[:kept] + more
    assert _is_taken(body) == _is_message(body)


@pytest.mark.parametrize("before", [0, 3, 120])
@pytest.mark.parametrize(("field", "number"), _OURS)
def test_our_own_fields_are_refused_wherever_they_stand(field: bytes, number: int, before: int) -> None:
    with pytest.raises(UserInputError, match=f"field {number} is reserved"):
        check(_fields(*[b"abc"] * before) + field + _fields(b"abc"))


def test_pieces_carry_the_body_itself_between_its_length_and_its_envelope() -> None:
    body = _fields(b"abc" * 1000)

    length, carried, envelope = pieces(body, "team", 5)

    assert carried is body
    assert length == varint(len(body) + len(envelope))
    assert [value for _, value in _Envelope.FromString(body + envelope).ListFields()] == [[b"team"], [5]]
