"""From options to a model, and pydantic's findings in our words at their places."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from backbone.config.document import Document
from backbone.config.problems import Place, Problem, Trail, dotted
from backbone.config.section import Clash, ClashesError
from backbone.config.unions import in_the_file, members
from backbone.config.units import OptionError
from backbone.config.wording import did_you_mean, either, nearest, show

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a text (in quotes, if it looks like something else)",
    "model_type": "a section with options of its own",
    "dict_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
}
_TAKES_NO_TEXT = {"bool_type", "int_type", "float_type"}


def validate(model: type[Model], document: Document) -> Model | None:
    """
    Return the model of the document's options, or nothing, with what is wrong noted in the document.

    Wrong options are told first; then, with them taken out, how the others fit together.
    """
    try:
        return model.model_validate(document.options)
    except ValidationError as error:
        wrong = [in_the_file(document.options, details) for details in error.errors(include_url=False)]
    if _take_bare(document, wrong):
        return validate(model, document)
    for details in wrong:
        document.problems.extend(_problems(model, document, details))
    trails = {details["loc"] for details in wrong if details["loc"]}
    if trails:
        document.broken |= trails
        _note_clashes_of_the_rest(model, document, trails)
    return None


def _take_bare(document: Document, wrong: Iterable[ErrorDetails]) -> bool:
    """
    Put what references mean where an option takes no text, and return whether there were any, each once.

    Texts come first, because a password of digits is no number.
    """
    trails = {details["loc"] for details in wrong if details["type"] in _TAKES_NO_TEXT} & document.bare.keys()
    for trail in trails:
        options: Any = document.options
        for step in trail[:-1]:
            options = options[step]
        options[trail[-1]] = document.bare.pop(trail)
    return bool(trails)


def _note_clashes_of_the_rest(model: type[Model], document: Document, wrong: set[Trail]) -> None:
    rest: dict[str, Any] = copy.deepcopy(document.options)
    for trail in wrong:
        _take_out(rest, trail)
    try:
        model.model_validate(rest)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            if isinstance(_cause(details), ClashesError):
                document.problems.extend(_problems(model, document, details))


def _take_out(options: Any, trail: Trail) -> None:
    for step in trail[:-1]:
        if not isinstance(options, dict) or step not in options:
            return
        options = options[step]
    if isinstance(options, dict):
        options.pop(trail[-1], None)


def _cause(details: ErrorDetails) -> object:
    return details.get("ctx", {}).get("error")


def _problems(model: type[BaseModel], document: Document, details: ErrorDetails) -> Iterator[Problem]:
    cause = _cause(details)
    if isinstance(cause, ClashesError):
        clashes = [_absolute(clash, details["loc"]) for clash in cause.clashes]
        yield from (_clash(document, *clash) for clash in clashes if not _known_wrong(document, *clash[:2]))
        return
    trail = details["loc"]
    place = document.keys.get(trail, Place()) if details["type"] == "extra_forbidden" else document.place(trail)
    yield Problem(place, dotted(trail), _what(model, document, details))


def _absolute(clash: Clash, section: Trail) -> tuple[Trail, Trail, str]:
    option, other = (
        tuple(name.split(".")) if isinstance(name, str) else (*section, *name) for name in (clash.option, clash.other)
    )
    return option, other, clash.what


def _known_wrong(document: Document, option: Trail, other: Trail) -> bool:
    """Whether one of the two has a problem of its own, so that how they fit is not known."""
    return any(trail[:length] in document.broken for trail in (option, other) for length in range(1, len(trail) + 1))


def _clash(document: Document, option: Trail, other: Trail, what: str) -> Problem:
    """Return the problem at the option's place; at the other's, if only that is in the file."""
    shown = other if option not in document.values and other in document.values else option
    if option in document.written:
        what = f"does not fit '{dotted(other)}'; it is set by {show(document.written[option])}"
    return Problem(document.place(shown), dotted(option), what)


def _what(model: type[BaseModel], document: Document, details: ErrorDetails) -> str:
    trail, kind, cause = details["loc"], details["type"], _cause(details)
    if kind == "extra_forbidden":
        known = [name for name in _options(model, trail[:-1]) if name != trail[-1]]
        return f"unknown option{did_you_mean(nearest(str(trail[-1]), known))}"
    if kind == "missing":
        return "is required"
    seen, meant = details["input"], None
    if isinstance(cause, OptionError):
        expected = cause.expected
        told = str(cause)
    else:
        expected, meant = _expected(details)
        told = f"expected {expected}, got {show(seen)}{did_you_mean(meant)}"
    if trail in document.written:
        return f"expected {expected}, got something else from {show(document.written[trail])}"
    return told


def _expected(details: ErrorDetails) -> tuple[str, str | None]:
    seen = details["input"]
    if details["type"] == "literal_error":
        # pydantic gives the choices as text only: 'a', 'b' or 'c'.
        choices = details["ctx"]["expected"].replace(" or ", ", ").split(", ")
        names = [choice.strip("'") for choice in choices]
        return either(names), nearest(seen, names) if isinstance(seen, str) else None
    meant = None
    if details["type"] == "bool_type" and isinstance(seen, str):
        meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(
            seen.lower(), nearest(seen, ("true", "false"))
        )
    return _EXPECTED.get(details["type"], details["msg"].lower()), meant


def _options(model: type[BaseModel], section: Trail) -> list[str]:
    """Return the names a section knows, or none where the trail leads through something else than sections."""
    models: list[type[BaseModel]] = [model]
    steps = iter(section)
    for step in steps:
        if isinstance(step, int):
            continue
        annotations = [field.annotation for found in models if (field := found.model_fields.get(step))]
        if any(get_origin(kind) is dict for kind in annotations):
            next(steps, None)  # the name under which one of them stands
        models = [member for kind in annotations for member in members(_each(kind))]
    return [name for found in models for name in found.model_fields]


def _each(annotation: object) -> object:
    """Return what the items of a list, or the values of a mapping, are; else the annotation itself."""
    kind = get_origin(annotation)
    if kind is tuple:
        return get_args(annotation)[0]
    return get_args(annotation)[1] if kind is dict else annotation
