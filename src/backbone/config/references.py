"""``${env:NAME}``, ``${env:NAME:-default}`` and ``${file:/path}`` in values; ``$$`` is a dollar sign."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from backbone.config.wording import brief, show
from backbone.model.errors import UserInputError

_MAX_FILE_BYTES = 64 << 10
_DOLLAR = re.compile(r"\$(?:\$|\{[^}]*\}?)")
_ENV = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_FILE = re.compile(r"\$\{file:([^}]+)\}")
_FORMS = "'${env:NAME}', '${env:NAME:-default}' or '${file:/path}', or '$$' for a dollar sign"


def process_environment() -> Mapping[str, str]:
    return os.environ  # noqa: TID251 - this is the place where it is read


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """
    Return *text* with what its references stand for; what that contains is not looked at again.

    Raises:
        UserInputError: a reference is malformed, or what it names is not there.
    """
    return _DOLLAR.sub(lambda match: _value(match, environment), text)


def _value(match: re.Match[str], environment: Mapping[str, str]) -> str:
    if match[0] == "$$":
        return "$"
    variable = _ENV.fullmatch(match[0])
    if variable and "$" in (variable[2] or ""):
        raise UserInputError(f"expected a default without '$', got {show(match[0])}")
    if variable:
        return _variable(variable[1], variable[2], environment)
    if file := _FILE.fullmatch(match[0]):
        return _file(Path(file[1]))
    raise UserInputError(f"expected {_FORMS}, got {show(match[0])}")


def _variable(name: str, default: str | None, environment: Mapping[str, str]) -> str:
    value = environment.get(name)
    if default is not None:
        return value or default
    if value is None:
        raise UserInputError(
            f"environment variable {show(name)} is not set; '${{env:{brief(name)}:-default}}' gives it a default"
        )
    return value


def _file(path: Path) -> str:
    if not path.is_absolute():
        raise UserInputError(f"expected an absolute path, got {show(path)}")
    try:
        if not path.is_file():
            raise UserInputError(f"file {show(path)} is not there, or is no regular file")
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise UserInputError(f"file {show(path)}: expected at most {_MAX_FILE_BYTES} bytes, got more")
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UserInputError(f"file {show(path)}: expected UTF-8") from error
    except (OSError, ValueError) as error:
        raise UserInputError(
            f"file {show(path)} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
