import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbone.config.load import parse_file
from backbone.config.model import Config
from backbone.config.units import Address, ByteSize, Duration, OptionError
from backbone.model.errors import ConfigError

HOSTS = st.one_of(
    st.ip_addresses().map(str), st.just("localhost"), st.from_regex(r"[a-z][a-z0-9]{0,20}\.com", fullmatch=True)
)


@pytest.mark.parametrize(
    ("text", "milliseconds", "printed"),
    [
        pytest.param("250ms", 250, "250ms", id="milliseconds"),
        pytest.param("1h30m", 5_400_000, "1h30m", id="two units"),
        pytest.param("90m", 5_400_000, "1h30m", id="more of a unit than fits"),
        pytest.param("36h", 129_600_000, "36h", id="days only where they are whole"),
        pytest.param("14d", 1_209_600_000, "14d", id="weeks are printed as days"),
        pytest.param("365d", 31_536_000_000, "1y", id="a year"),
        pytest.param("0s", 0, "0s", id="nothing"),
    ],
)
def test_durations_are_read_as_prometheus_reads_them(text: str, milliseconds: int, printed: str) -> None:
    duration = Duration.parse(text)

    assert duration.milliseconds == milliseconds
    assert duration.nanoseconds == milliseconds * 1_000_000
    assert duration.seconds == milliseconds / 1_000
    assert str(duration) == printed


@pytest.mark.parametrize(
    ("text", "size", "printed"),
    [
        pytest.param("512", 512, "512", id="bare bytes"),
        pytest.param("512B", 512, "512", id="bytes"),
        pytest.param("10MiB", 10 << 20, "10MiB", id="binary unit"),
        pytest.param("1GB", 10**9, "1GB", id="decimal unit"),
        pytest.param("1024 KiB", 1 << 20, "1MiB", id="a space"),
    ],
)
def test_sizes_have_binary_and_decimal_units(text: str, size: int, printed: str) -> None:
    assert ByteSize.parse(text).bytes == size
    assert str(ByteSize.parse(text)) == printed


@pytest.mark.parametrize(
    ("kind", "text", "meant"),
    [
        pytest.param(Duration, "30", "30s", id="no unit"),
        pytest.param(Duration, "5 M", "5m", id="space and upper case"),
        pytest.param(Duration, "1m1h", None, id="units out of order"),
        pytest.param(Duration, "", None, id="no duration at all"),
        pytest.param(Duration, "٣s", None, id="digits of another script"),
        pytest.param(ByteSize, "10m", "10MiB", id="one letter"),
        pytest.param(ByteSize, "1.5GiB", None, id="a fraction"),
        pytest.param(ByteSize, "-1", None, id="less than nothing"),
        pytest.param(Address, ":7070", "127.0.0.1:7070", id="no host"),
        pytest.param(Address, "::1:80", "[::1]:80", id="IPv6 without brackets"),
        pytest.param(Address, "256.1.1.1:80", None, id="not quite an IPv4 address"),
        pytest.param(Address, "a:65536", None, id="a port out of range"),
        pytest.param(Address, "a b:1", None, id="a space in a host"),
    ],
)
def test_what_is_no_value_is_refused_with_a_hint(
    kind: type[Duration | ByteSize | Address], text: str, meant: str | None
) -> None:
    with pytest.raises(OptionError) as raised:
        kind.parse(text)

    assert raised.value.meant == meant
    assert f"got '{text}'" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        pytest.param("127.0.0.1:1", True, id="IPv4"),
        pytest.param("127.9.9.9:1", True, id="all of 127/8"),
        pytest.param("[::1]:1", True, id="IPv6"),
        pytest.param("localhost:1", True, id="by name"),
        pytest.param("0.0.0.0:1", False, id="all addresses"),
        pytest.param("[::]:1", False, id="all IPv6 addresses"),
        pytest.param("localhost.example.com:1", False, id="a name that only looks like it"),
    ],
)
def test_only_loopback_counts_as_loopback(text: str, loopback: bool) -> None:
    assert Address.parse(text).is_loopback is loopback


@given(st.integers(0, 10**14))
def test_durations_survive_printing(milliseconds: int) -> None:
    assert Duration.parse(str(Duration(milliseconds))) == Duration(milliseconds)


@given(st.integers(0, 10**14))
def test_sizes_survive_printing(size: int) -> None:
    assert ByteSize.parse(str(ByteSize(size))) == ByteSize(size)


@given(HOSTS, st.integers(0, 65535))
def test_addresses_survive_printing(host: str, port: int) -> None:
    assert Address.parse(str(Address(host, port))) == Address(host, port)


@given(st.text(), st.sampled_from([Duration, ByteSize, Address]))
def test_any_text_is_a_value_or_refused(text: str, kind: type[Duration | ByteSize | Address]) -> None:
    with contextlib.suppress(OptionError):
        assert kind.parse(str(kind.parse(text))) == kind.parse(text)


YAML_PIECES = st.sampled_from(
    [*"{}[]:,&*!|>'\"%@`#-? \n\t$~", "${env:A}", "${file:/", "http", "listen", "0x", "<<", "---"]
)


@given(
    st.one_of(st.binary(), st.text().map(str.encode), st.lists(YAML_PIECES).map(lambda parts: "".join(parts).encode()))
)
def test_any_bytes_load_or_are_refused(source: bytes) -> None:
    problems: tuple[str, ...] = ("f.yaml: none",)
    try:
        parse_file(Config, source, "f.yaml", {})
    except ConfigError as error:
        problems = error.problems

    assert problems
    assert all(problem.startswith("f.yaml") and problem.isprintable() for problem in problems)
