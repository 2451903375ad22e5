"""From a file, or none, to the configuration: every problem at once, each at its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backbone.config.document import Document, read_document
from backbone.config.model import Config
from backbone.config.policy import PolicyConfig
from backbone.config.problems import Place, Problem, Trail, dotted, refusal
from backbone.config.references import process_environment
from backbone.config.validate import Model, validate
from backbone.config.yaml import MAX_BYTES
from backbone.model.errors import ConfigError

_COMMAND_LINE = "command line"


def load_config(path: Path | None, overrides: Mapping[str, str] | None = None) -> Config:
    """
    Return the configuration of a file, or the defaults; *overrides* are options by dotted path, from the command line.

    Raises:
        ConfigError: something is wrong with it; all of it is told.
    """
    source = _read(path) if path else b""
    found = parse_file(Config, source, str(path) if path else "defaults", process_environment(), overrides or {})
    if path is None or found.policy.file is None:
        return found
    beside = found.policy.model_copy(update={"file": path.parent / found.policy.file})
    return found.model_copy(update={"policy": beside})


def load_policy(path: Path | None) -> PolicyConfig:
    """
    Return the policy of a file, or the default one.

    Raises:
        ConfigError: something is wrong with it; all of it is told.
    """
    if path is None:
        return PolicyConfig()
    return parse_file(PolicyConfig, _read(path), str(path), process_environment())


def parse_file(
    model: type[Model],
    source: bytes,
    name: str,
    environment: Mapping[str, str],
    overrides: Mapping[str, str] | None = None,
) -> Model:
    """
    Return the model of a file's content; *name* stands before its problems.

    Raises:
        ConfigError: something is wrong with it; all of it is told.
    """
    document = read_document(source, environment)
    unread = bool(document.problems) and not document.options
    overridden = {_override(document, option, value) for option, value in (overrides or {}).items()}
    found = None if unread else validate(model, document)
    if found is None or document.problems:
        raise refusal(name, [_at_origin(problem, overridden) for problem in document.problems])
    return found


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {(error.strerror or str(error)).lower()}"]) from error


def _override(document: Document, option: str, value: str) -> str:
    trail: Trail = tuple(option.split("."))
    node: Any = document.options
    for step in trail[:-1]:
        node = node.setdefault(step, {})
        if not isinstance(node, dict):
            return option  # the file has no section there; that is a problem of its own
    node[trail[-1]] = value
    document.problems = [problem for problem in document.problems if problem.where != option]
    for noted in (document.keys, document.values, document.written, document.bare):
        noted.pop(trail, None)
    document.broken.discard(trail)
    return dotted(trail)


def _at_origin(problem: Problem, overridden: set[str]) -> Problem:
    if problem.where not in overridden:
        return problem
    return Problem(Place(), problem.where, problem.what, _COMMAND_LINE)
