import pickle
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import ValidationError

from backbone.config.dump import dump
from backbone.config.load import parse_file
from backbone.config.secret import Secret
from backbone.config.section import Section, Within
from backbone.model.errors import ConfigError

WORD = "8391047755"


class Door(Section):
    password: Secret = Secret("default")
    port: Annotated[int, Within(1, 65535)] = 1


def test_a_secret_is_printed_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{WORD}\n")
    door = parse_file(Door, f"password: ${{file:{path}}}".encode(), "door.yaml", {})

    assert door.password.reveal() == WORD
    for text in (repr(door), str(door), dump(door), door.model_dump_json(), f"{door.password}", f"{[door.password]}"):
        assert WORD not in text
        assert "****" in text
    with pytest.raises(TypeError):
        pickle.dumps(door.password)


@pytest.mark.parametrize("word", ["0123", "1e3", "null", "true", "0x1f", "no"])
def test_a_secret_by_reference_is_a_text_whatever_it_looks_like(word: str) -> None:
    door = parse_file(Door, b"password: ${env:WORD}", "door.yaml", {"WORD": word})

    assert door.password.reveal() == word


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"password: {WORD}", id="a number, not a text"),
        pytest.param(f"password: [{WORD}]", id="a list"),
        pytest.param(f"passwort: '{WORD}'", id="a misspelt option"),
        pytest.param("port: ${env:WORD}x", id="a reference in the wrong option"),
        pytest.param("port: ${env:WORD}", id="a number out of bounds"),
        pytest.param(f"password: '{WORD}'\npassword: '{WORD}'", id="set twice"),
        pytest.param(f"password: '{WORD}", id="a quote that is not closed"),
        pytest.param("password: ''", id="an empty secret"),
    ],
)
def test_a_refusal_does_not_tell_the_secret(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_file(Door, text.encode(), "door.yaml", {"WORD": WORD})

    assert WORD not in str(raised.value)


def test_pydantic_itself_does_not_tell_the_secret() -> None:
    with pytest.raises(ValidationError) as raised:
        Door.model_validate({"password": int(WORD)})

    assert WORD not in str(raised.value)


def test_secrets_are_compared_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
