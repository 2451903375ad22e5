"""Redaction of requests: what makes their texts suspicious, and what the engine is asked about those that are."""

from __future__ import annotations

from collections.abc import Mapping

from backbone.model.scrubbing import ODD_NAME, Kind, Scrubbing, Word
from backbone.process.literals import literals
from backbone.process.redact.catalogue import ACCOUNTS
from backbone.process.redact.fixed import fixed_words
from backbone.process.redact.plan import Plan
from backbone.process.redact.scrub import Scrubber

_WITH_SIGNS = frozenset({"email", "url_password"})
_IN_INTEGERS = frozenset("-0123456789")


def scrubbing_of(scrubber: Scrubber, renames: Mapping[str, str]) -> Scrubbing:
    """
    Return how requests are scrubbed.

    Args:
        scrubber: prints SQL for the plan.
        renames: new names of attributes by their old ones; what a name says of its value is what the new one says.
    """
    plan = scrubber.plan
    rules = {rule.name for rule in (*plan.words.rules, *plan.numbers.rules)}
    own = [fixed_words(one.pattern) for one in plan.own]
    kind = _kind(scrubber, renames)
    return Scrubbing(
        kinds=f"SELECT place, {kind} AS kind FROM texts",
        names=_names(scrubber, kind),
        hints=_hints(scrubber),
        texts=_texts(scrubber, _scrubbed(scrubber, f"SELECT * FROM texts WHERE {_hinted(scrubber)}")),
        numbered=_texts(scrubber, _numbered(scrubber)),
        words=(*_words(plan), *(word for words in own if words for word in words)),
        numbers=any(rule.name != "email" for rule in plan.numbers.rules),
        accounts=ACCOUNTS if "iban" in rules else {},
        masked_cards=1 << plan.names.index("card") if plan.actions.get("card") == "mask" else 0,
        signs=not rules.isdisjoint(_WITH_SIGNS),
        integers=any(_may_be_integer(words) for words in own),
        everything=None in own,
    )


def _may_be_integer(words: tuple[Word, ...] | None) -> bool:
    """Return whether a pattern with these words may find something in an integer."""
    return words is None or any(_IN_INTEGERS.issuperset(word.text) for word in words)


def _words(plan: Plan) -> tuple[Word, ...]:
    return tuple(word for rule in (*plan.words.rules, *plan.numbers.rules) for word in rule.words)


def _hinted(scrubber: Scrubber) -> str:
    return f"kind >= {Kind.NAMED:d} OR {scrubber.may_hold_words('text')} OR {scrubber.may_hold_numbers('text')}"


def _hints(scrubber: Scrubber) -> str:
    more = f"kind >= {Kind.NAMED:d} OR {scrubber.may_hold_more('text')}"
    hinted = f"SELECT {more} AS more FROM texts WHERE {_hinted(scrubber)}"
    return f"SELECT toUInt8(max(more)) FROM ({hinted}) HAVING count() > 0"


def _texts(scrubber: Scrubber, scrubbed: str) -> str:
    return (
        f"SELECT place, toUInt64({scrubber.bits('[text]', '[scrubbed]')}) AS rules, "
        f"toUInt8({scrubber.is_gone('scrubbed')}) AS gone, if(gone, '', scrubbed) AS clean FROM ({scrubbed}) "
        "WHERE scrubbed != text"
    )


def _numbered(scrubber: Scrubber) -> str:
    # What is asked of a text must not depend on the others of its group.
    valid = f"SELECT *, toValidUTF8(text) AS valid FROM texts WHERE {scrubber.may_hold_only_numbers('text')}"
    return f"SELECT *, {scrubber.numbers('valid', 'kind')} AS scrubbed FROM ({valid})"


def _kind(scrubber: Scrubber, renames: Mapping[str, str]) -> str:
    """Return the expression of what a text says of its value, as a name of an attribute."""
    renamed = f"transform(text, {literals(renames)}, {literals(renames.values())}, text)" if renames else "text"
    return scrubber.kind_of_name(renamed)


def _names(scrubber: Scrubber, kind: str) -> str:
    odd = f"if(scrubbed != text, {ODD_NAME}, 0)"
    return f"SELECT place, toUInt8({kind} + {odd}) AS kind FROM ({_scrubbed(scrubber, 'SELECT * FROM texts')})"


def _scrubbed(scrubber: Scrubber, rows: str) -> str:
    """Return the select of rows with their texts scrubbed, a column for each step."""
    # What was found is marked with bytes that no text of UTF-8 has; those in bytes have been looked at as a whole.
    valid = f"SELECT *, if(kind = {Kind.BYTES}, text, toValidUTF8(text)) AS valid FROM ({rows})"
    first = f"SELECT *, {scrubber.first_of_request('valid', 'kind')} AS first FROM ({valid})"
    words = f"SELECT *, if(kind = {Kind.BYTES}, first, {scrubber.words('first', 'kind')}) AS worded FROM ({first})"
    return f"SELECT *, if(kind = {Kind.BYTES}, worded, {scrubber.numbers('worded', 'kind')}) AS scrubbed FROM ({words})"
