"""Files in ``testdata``: a ``# error: column: where: what`` tells each problem on the line that has it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from backbone.config.document import read_document
from backbone.config.load import load_config, parse_file
from backbone.config.model import Config
from backbone.config.policy import PolicyConfig
from backbone.config.problems import Trail
from backbone.config.section import Section
from backbone.config.units import Address, Duration
from backbone.config.validate import Model
from backbone.config.yaml import MAX_BYTES, MAX_DEPTH, MAX_NODES
from backbone.model.errors import ConfigError

TESTDATA = Path(__file__).parent / "testdata"
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "backbone.yaml"
ENVIRONMENT = {"TEXT": "hunter2", "NUMBER": "30"}


def parse(source: str | bytes) -> Config:
    return parse_as(Config, source)


def parse_as(model: type[Model], source: str | bytes) -> Model:
    content = source.encode() if isinstance(source, str) else source
    return parse_file(model, content, "f.yaml", ENVIRONMENT)


def problems_of(source: str | bytes, model: type[Section] = Config) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        parse_as(model, source)
    return list(raised.value.problems)


@pytest.mark.parametrize("path", sorted(TESTDATA.glob("*.bad.yaml")), ids=lambda path: path.name)
def test_each_problem_is_told_at_its_place_in_file_order(path: Path) -> None:
    text = path.read_text()
    expected = [
        f"f.yaml:{line}:{error}"
        for line, content in enumerate(text.splitlines(), 1)
        for error in re.findall(r"# error: (\d+: .*?)(?= # error:|$)", content)
    ]

    assert expected
    assert problems_of(text, PolicyConfig if path.name.startswith("policy-") else Config) == expected


@pytest.mark.parametrize("path", [*sorted(TESTDATA.glob("*.good.yaml")), EXAMPLE], ids=lambda path: path.name)
def test_good_files_load(path: Path) -> None:
    assert isinstance(parse(path.read_bytes()), Config)


def test_plain_scalars_mean_what_yaml_1_2_says() -> None:
    config = parse((TESTDATA / "yaml12.good.yaml").read_bytes())

    assert config.http.max_connections == 12
    assert config.http.idle_timeout == Duration(10_000)
    assert config.commit.retries == 10
    assert config.commit.rest_ratio == 30
    assert config.tenants.default == "no"
    assert config.store.data_dir == Path("/var/$x")
    assert config.telemetry.log_level == "error"


def option_trails(options: Mapping[str, object], section: Trail = ()) -> Iterator[Trail]:
    for name, value in options.items():
        trail = (*section, name)
        yield from option_trails(value, trail) if isinstance(value, Mapping) and value else [trail]


def test_the_example_holds_every_option_with_its_default() -> None:
    written = read_document(EXAMPLE.read_bytes(), {})

    assert set(option_trails(written.options)) == set(option_trails(Config().model_dump(mode="json")))
    assert parse(EXAMPLE.read_bytes()) == Config()


def test_a_reference_means_what_its_option_takes() -> None:
    config = parse(
        "tenants: {default: '${env:NUMBER}'}\n"
        "http:\n  max_connections: ${env:NUMBER}\n  allow_public: ${env:NONE:-true}\n"
        "telemetry: {log_level: '${env:NONE:-debug}'}"
    )
    unquoted = parse("tenants:\n  default: ${env:NUMBER}")

    assert config.tenants.default == unquoted.tenants.default == "30"
    assert config.http.max_connections == 30
    assert config.http.allow_public is True
    assert config.telemetry.log_level == "debug"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        pytest.param(b"http:\n  a\xff", "f.yaml:2:4: expected UTF-8, got byte 0xff", id="not UTF-8"),
        pytest.param("a: \x00", "f.yaml:1:4: expected printable text, got U+0000", id="a control character"),
        pytest.param(
            b"#" * (MAX_BYTES + 1), f"f.yaml: expected at most {MAX_BYTES} bytes, got {MAX_BYTES + 1}", id="too long"
        ),
        pytest.param(
            "a: " + "[" * 5_000,
            f"f.yaml:1:{MAX_DEPTH + 4}: expected at most {MAX_DEPTH} levels, got more",
            id="too deep",
        ),
        pytest.param(
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{c}: &{c} [{','.join([f'*{p}'] * 10)}]\n" for p, c in zip("abcdefg", "bcdefgh", strict=True)),
            f"f.yaml:5:17: expected at most {MAX_NODES} values, aliases counted as what they stand for, got more",
            id="aliases of aliases",
        ),
        pytest.param("a: *b", "f.yaml:1:4: alias '*b' is not defined above", id="an alias of nothing"),
        pytest.param("? [a]\n: b", "f.yaml:1:3: expected a text as key", id="a list as key"),
    ],
)
def test_texts_that_cannot_be_read_are_refused_within_bounds(source: str | bytes, problem: str) -> None:
    assert problems_of(source) == [problem]


def test_without_a_file_the_defaults_hold() -> None:
    assert load_config(None) == Config()


def test_the_command_line_wins_and_is_checked_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "backbone.yaml"
    path.write_text("http:\n  listen: nonsense\ncommit:\n  retries: -1\n")

    with pytest.raises(ConfigError) as raised:
        load_config(path, {"http.listen": "0.0.0.0:1"})

    assert [problem.split(", got")[0] for problem in raised.value.problems] == [
        "command line: http.listen: expected a loopback address, or 'http.allow_public: true'",
        f"{path}:4:12: commit.retries: expected 0 to 20",
    ]
    path.write_text("http:\n  listen: nonsense\n")
    assert load_config(path, {"http.listen": "[::1]:0"}).http.listen == Address("::1", 0)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: no such file or directory"):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read: is a directory"):
        load_config(tmp_path)


def test_values_come_from_files(tmp_path: Path) -> None:
    secret = tmp_path / "level"
    secret.write_text("debug\n")

    assert parse(f"telemetry: {{log_level: '${{file:{secret}}}'}}").telemetry.log_level == "debug"
