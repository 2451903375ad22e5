import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backbone.cli import cli
from backbone.config.load import load_config


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.yaml"
    path.write_text("store: {retention: {logs: 36h}, data_dir: a$$b}\ntenants: {default: '0o12'}\n")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text("htpp: {}\ncommit: {retries: -1}\n")
    return path


def test_check_tells_every_problem_of_every_file(good: Path, bad: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"

    result = run("check", str(bad), str(good), str(missing))

    assert result.exit_code == 1
    assert result.stdout == f"{good}: ok\n"
    assert result.stderr.splitlines() == [
        f"{bad}:1:1: htpp: unknown option; did you mean 'http'?",
        f"{bad}:2:19: commit.retries: expected 0 to 20, got -1",
        f"{missing}: cannot be read: no such file or directory",
    ]


def test_check_looks_into_the_policy_that_a_file_names(tmp_path: Path) -> None:
    config = tmp_path / "backbone.yaml"
    config.write_text("policy: {file: policy.yaml}")
    policy = tmp_path / "policy.yaml"
    policy.write_text("tagging: {conventions: 1}")

    result = run("check", str(config))

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"{policy}:1:24: tagging.conventions: expected true or false, got 1\n"


def test_check_passes_good_files(good: Path) -> None:
    result = run("check", str(good))

    assert (result.exit_code, result.stderr) == (0, "")


def test_what_show_prints_reads_as_the_same_configuration(good: Path, tmp_path: Path) -> None:
    shown = tmp_path / "shown.yaml"

    shown.write_text(run("config", "show", "--config", str(good)).stdout)

    assert load_config(shown) == load_config(good)
    assert "logs: 36h" in shown.read_text()


def test_show_tells_what_is_wrong(bad: Path) -> None:
    result = run("config", "show", "--config", str(bad))

    assert (result.exit_code, result.stdout) == (1, "")
    assert "bad.yaml:2:19: commit.retries" in result.stderr


def test_schema_prints_the_schema() -> None:
    printed = json.loads(run("config", "schema").stdout)

    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert printed["properties"]["store"] == {"$ref": "#/$defs/StoreConfig"}
    assert printed["$defs"]["HttpConfig"]["properties"]["idle_timeout"]["default"] == "1m15s"


def test_check_does_not_load_the_engine_or_grpc(good: Path) -> None:
    program = (
        "import sys; from backbone.cli import cli\n"
        f"cli(['check', {str(good)!r}], standalone_mode=False)\n"
        "print(sorted({'chdb', 'grpc', 'uvloop', 'opentelemetry', 'starlette'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == [f"{good}: ok", "[]"]
