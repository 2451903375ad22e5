"""What is generated from the code is what the code says."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from tools.gen import EXAMPLE_POLICY, GENERATED, ROOT, stale

SCHEMA = ROOT / "docs" / "reference" / "backbone.schema.json"


@pytest.mark.parametrize("name", GENERATED)
def test_generated_files_are_not_stale(name: str) -> None:
    assert (ROOT / name).read_text() == GENERATED[name](), "'make gen' writes it anew"


def test_a_stale_file_is_noticed_and_written_anew(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "gen.py"), "--root", str(tmp_path)]
    page = tmp_path / "docs/reference/config.md"

    assert subprocess.run([*command, "--check"], capture_output=True, check=False).returncode == 1
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert subprocess.run([*command, "--check"], capture_output=True, check=False).returncode == 0
    page.write_text(page.read_text() + "old")
    assert set(stale(tmp_path)) == {page}


def test_the_schema_takes_the_example_and_refuses_what_is_wrong() -> None:
    schema = jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text()))
    example = yaml.safe_load((ROOT / "docs/examples/backbone.yaml").read_text())

    schema.validate(example)
    schema.validate({"http": {"max_connections": "${env:MAX}", "idle_timeout": "1h30m"}})
    refused: tuple[dict[str, dict[str, object]], ...] = (
        {"htpp": {}},
        {"http": {"idle_timeout": 30}},
        {"http": {"max_connections": 0}},
        {"telemetry": {"log_level": "loud"}},
        {"http": {"max_body": "10M"}},
    )
    for wrong in refused:
        assert not schema.is_valid(wrong), wrong


def test_the_schema_of_policies_takes_the_example_and_refuses_what_is_wrong() -> None:
    schema = jsonschema_rs.Draft202012Validator(json.loads((SCHEMA.parent / "policy.schema.json").read_text()))

    schema.validate(yaml.safe_load(EXAMPLE_POLICY.read_text()))
    refused: tuple[dict[str, dict[str, object]], ...] = (
        {"tagging": {"attribute": []}},
        {"tagging": {"attributes": [{"attribute": "a", "on_breach": "explode"}]}},
        {"tagging": {"deny": [{"names": ["a"]}]}},
        {"tagging": {"teams": {"a": {"service": []}}}},
    )
    for wrong in refused:
        assert not schema.is_valid(wrong), wrong
