"""Filters of lines and labels, in SQL."""

from __future__ import annotations

import re
from functools import partial

from backbone.model.errors import UserInputError
from backbone.query.conditions import Conditions
from backbone.query.logql.ast import (
    IpFilter,
    LabelPredicate,
    LineFilter,
    Logical,
    Needle,
    NumberFilter,
    Phrase,
    Stage,
    TextFilter,
    Words,
)
from backbone.query.logql.base_labels import by_index
from backbone.query.logql.labels import LineLabels, matches
from backbone.query.logql.literals import required_texts
from backbone.query.logql.readings import has_address, number_of
from backbone.query.logql.texts import pattern_expression
from backbone.query.selectors import Matcher

# The index of words takes every byte that is no ASCII letter or digit as a border, other bytes as parts of a word.
_WORD = re.compile(r"[a-z0-9\u0080-\U0010ffff]+")


def line_condition(conditions: Conditions, stage: LineFilter, line: str) -> str:
    """Return the SQL that tells whether a line passes."""
    any_of = " OR ".join(_needle(conditions, stage.operator, needle, line) for needle in stage.needles)
    return f"NOT ({any_of})" if stage.operator.startswith("!") else f"({any_of})"


def words_condition(conditions: Conditions, stage: Words, line: str) -> str:
    """Return the SQL that tells whether a line passes."""
    any_of = " OR ".join(_phrase(conditions, phrase, line) for phrase in stage.phrases)
    return f"{'NOT ' if stage.negated else ''}({any_of})"


def _phrase(conditions: Conditions, phrase: Phrase, line: str) -> str:
    text = _lower(phrase.text)
    words = _WORD.findall(text) if phrase.whole else []
    tests = [] if words == [text] else [f"position(lower({line}), {conditions.bind('String', text)}) > 0"]
    # The text's inner words are whole wherever it stands. Whole words are found as fast as texts.
    inner = _inner_words(text)
    ends = [word for word in dict.fromkeys(words) if word not in inner]
    tests += [f"hasToken(lower({line}), {conditions.bind('String', word)})" for word in ends]
    return f"({' AND '.join(tests)})"


def words_hint(conditions: Conditions, stage: Stage) -> str:
    """Return the SQL that passes over what the index of words says has no body that passes, '' where it cannot tell."""
    match stage:
        case Words(negated=False):
            any_of = [_phrase_words(phrase) for phrase in stage.phrases]
        case LineFilter(operator="|="):
            any_of = [[] if needle.is_ip else _inner_words(_lower(needle.value)) for needle in stage.needles]
        case _:
            return ""
    if not all(any_of):
        return ""
    found = (f"hasAll(tokens(lower(body)), {conditions.bind('Array(String)', words)})" for words in any_of)
    return by_index(" OR ".join(found))


def _phrase_words(phrase: Phrase) -> list[str]:
    text = _lower(phrase.text)
    return _WORD.findall(text) if phrase.whole else _inner_words(text)


def _inner_words(text: str) -> list[str]:
    """Return the words of a text but those at its ends, which may go on around it."""
    return [found[0] for found in _WORD.finditer(text) if found.start() > 0 and found.end() < len(text)]


def _lower(text: str) -> str:
    """Return the text in lower case as the engine's ``lower`` does it, which knows ASCII letters only."""
    return re.sub(r"[A-Z]+", lambda found: found[0].lower(), text)


def _needle(conditions: Conditions, operator: str, needle: Needle, line: str) -> str:
    if needle.is_ip:
        return address_condition(conditions, line, needle.value)
    match operator[1]:
        case "=":
            return f"position({line}, {conditions.bind('String', needle.value)}) > 0" if needle.value else "1"
        case "~":
            # Looking for a text is faster than for an expression, which the engine does for one text of it at most.
            texts = [f"position({line}, {conditions.bind('String', one)}) > 0" for one in required_texts(needle.value)]
            found = f"match({line}, {conditions.bind('String', f'(?-s:{needle.value})')})"
            return f"({' AND '.join([*texts, found])})" if texts else found
        case _:
            pattern = pattern_expression(needle.value, filters=True)
            return f"match({line}, {conditions.bind('String', f'(?s:{pattern})')})"


def address_condition(conditions: Conditions, text: str, wanted: str) -> str:
    """
    Return the SQL that tells whether a text has an address that is wanted.

    Raises:
        UserInputError: what is wanted is no address, range or CIDR.
    """
    try:
        return has_address(conditions, text, wanted)
    except ValueError as error:
        raise UserInputError(f"ip: invalid pattern {wanted[:60]!r}: {error}") from None


def label_condition(conditions: Conditions, predicate: LabelPredicate, labels: LineLabels) -> str:
    """Return the SQL that tells whether a line with such labels passes."""
    inner = partial(label_condition, conditions, labels=labels)
    match predicate:
        case Logical():
            return f"({inner(predicate.left)} {predicate.operator.upper()} {inner(predicate.right)})"
        case TextFilter():
            matcher = Matcher(predicate.label, predicate.operator, predicate.value)
            return matches(conditions, labels.text(predicate.label), matcher)
        case IpFilter():
            found = address_condition(conditions, labels.text(predicate.label), predicate.value)
            return found if predicate.operator == "=" else f"(NOT {found})"
        case NumberFilter():
            return _number_condition(conditions, predicate, labels)


def _number_condition(conditions: Conditions, predicate: NumberFilter, labels: LineLabels) -> str:
    """A line with an error passes, as does one whose label is no such number, which is an error too."""
    text = labels.text(predicate.label)
    operator = {"==": "="}.get(predicate.operator, predicate.operator)
    value = conditions.bind("Float64", predicate.value)
    met = f"({text} != '' AND ifNull({number_of(text, predicate.unit)} {operator} {value}, 1))"
    error = labels.text("__error__")
    return met if error == "''" else f"({error} != '' OR {met})"


def number_error(predicate: LabelPredicate, labels: LineLabels) -> str:
    """Return the SQL that tells whether some label is there and is not the number that a filter takes it for."""
    match predicate:
        case Logical():
            found = [number_error(one, labels) for one in (predicate.left, predicate.right)]
            return " OR ".join(one for one in found if one)
        case NumberFilter():
            text = labels.text(predicate.label)
            return f"({text} != '' AND isNull({number_of(text, predicate.unit)}))"
        case _:
            return ""
