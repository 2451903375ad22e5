"""
A plan as SQL over texts: whether rules may find something in them, and the texts with what they find replaced.

Expressions are planned anew for each insert, which costs as much as thousands of rows do. So a group of rules is one
expression that finds, and one that decides whose it is, and both stand in a statement once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backbone.model.scrubbing import NOT_TEXT, Kind
from backbone.process.literals import any_of, literal, literals
from backbone.process.redact.catalogue import (
    EMAIL_IN_BYTES,
    ESCAPED,
    NAME_HINT,
    NETWORK_NAMES,
    ODD_NAMES,
    ODD_NUMBERS,
    SECRET_WORDS,
    VALUE,
)
from backbone.process.redact.plan import BINARY, NAMED, Plan
from backbone.process.redact.rule import Group, Slot

KEY_TABLE = "redact_key"
"""The table in memory that holds the key of hashes; views name it, so that the key itself stands nowhere."""

_BLOB_HINT = r'"(?:bytesValue|arrayProto|kvlistProto)":"'
_BLOB = r"[A-Za-z0-9+/]{12,}={0,2}"
_BEFORE_BLOB, _AFTER_BLOB = r'^|":"', r'$|"\}'
_OPEN, _MIDDLE, _CLOSE = "\\xFD", "\\xFE", "\\xFF"
"""Around what was found, while it is looked at: bytes that are in no text of UTF-8."""
_GONE = "\\xFC"
"""Begins a text that is left out as a whole."""


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Prints SQL for one plan."""

    plan: Plan

    def may_hold_words(self, text: str) -> str:
        """Return whether what begins with words, and the team's own patterns, may be in the expression *text*."""
        return self._hinted(text, self._word_hints())

    def may_hold_more(self, text: str) -> str:
        """Return whether something other than numbers and e-mail addresses may be in a text."""
        return self._hinted(text, self._more_hints())

    def may_hold_numbers(self, text: str) -> str:
        """Return whether numbers of something may be in the expression *text*."""
        if not self.plan.numbers.rules:
            return "toUInt8(0)"
        return f"match({text}, {literal(self._number_hint())})"

    def may_hold_only_numbers(self, text: str) -> str:
        """Return `may_hold_words` or `may_hold_numbers` of a text of which `may_hold_more` is not true."""
        return any_of(
            [f"multiMatchAny({text}, {literals([*self._email(), ODD_NUMBERS])})", self.may_hold_numbers(text)]
        )

    def is_suspicious(self, names: str) -> str:
        """Return whether a name of an attribute in *names*, each in a line, is looked for or may hold something."""
        own = [f"(?im)^(?:{one.names})$" for one in self.plan.named if one.rule != NAMED]
        secret = [NAME_HINT] if NAMED in self.plan.actions else []
        return self._hinted(names, [*own, *secret, *self._word_hints(), ODD_NAMES])

    def kind_of_name(self, key: str) -> str:
        """Return what an attribute's name says of its value, a number for `first`."""
        cases = [(names, int(Kind.KEPT)) for names in self.plan.kept]
        cases += [(one.names, Kind.NAMED + at) for at, one in enumerate(self.plan.named)]
        cases.append((NETWORK_NAMES, int(Kind.ADDRESS)))
        branches = ", ".join(f"match({key}, {literal(f'(?i)^(?:{names})$')}), {kind}" for names, kind in cases)
        return f"toUInt8(multiIf({branches}, {Kind.ANY}))"

    def first(self, text: str, kind: str) -> str:
        """Return a text after what goes by attributes' names, the team's own patterns, and bytes."""
        scrubbed = self._blobs(text)
        for one in self.plan.own:
            scrubbed = self._own(one.rule, one.pattern, scrubbed)
        return f"if({kind} >= {Kind.KEPT}, {self._by_name(text, kind)}, {scrubbed})"

    def first_of_request(self, text: str, kind: str) -> str:
        """Return `first` of a text as it came, whose *kind* also says of what it is."""
        scrubbed = text
        for one in self.plan.own:
            scrubbed = self._own(one.rule, one.pattern, scrubbed)
        by_bytes = f"if({self._hinted(text, self._bytes_hints())}, '<{BINARY}>', {text})"
        by_name = self._by_name(text, f"{kind} % {NOT_TEXT}", f"{kind} >= {NOT_TEXT}")
        return f"multiIf({kind} = {Kind.BYTES}, {by_bytes}, {kind} >= {Kind.KEPT}, {by_name}, {scrubbed})"

    def _by_name(self, text: str, kind: str, is_no_text: str = "toUInt8(0)") -> str:
        marked = f"match({text}, '^<[a-z_]+(?::[^>]*)?>$')"
        marks = [self._mark(one.rule, NAMED, text) for one in self.plan.named]
        for at, one in enumerate(self.plan.named):
            if self._done(one.rule) == "truncate":
                # The first bytes of a message say nothing.
                marks[at] = f"if({is_no_text}, '<{NAMED}>', {marks[at]})"
        named = ", ".join(f"{kind} = {Kind.NAMED + at}, {mark}" for at, mark in enumerate(marks))
        by_name = f"multiIf({text} = '' OR {marked} OR {kind} = {Kind.KEPT}, {text}, {named}, '')" if named else text
        return _whole(by_name, "drop" if any(self._done(one.rule) == "drop" for one in self.plan.named) else "")

    def words(self, text: str, kind: str) -> str:
        """Return a text after the rules that begin with words."""
        return self._grouped(self.plan.words, text, kind)

    def numbers(self, text: str, kind: str) -> str:
        """Return a text after the rules of numbers; to be applied after `words`."""
        return self._grouped(self.plan.numbers, text, kind)

    def bits(self, before: str, after: str) -> str:
        """Return a bit for each rule that replaced something between two arrays of texts."""
        marks = [f"<{name}" if self._done(name) != "drop" else f"{name}>" for name in self.plan.names]
        numbers = ", ".join(str(1 << bit) for bit in range(len(marks)))
        counted = "countSubstrings(arrayStringConcat({}), m)"
        more = f"{counted.format(after)} > {counted.format(before)}"
        return f"arraySum((m, b) -> if({more}, b, toUInt64(0)), {literals(marks)}, [{numbers}]::Array(UInt64))"

    def is_gone(self, text: str) -> str:
        """Return whether a scrubbed text is left out as a whole."""
        return f"startsWith({text}, '{_GONE}')"

    @property
    def drops(self) -> bool:
        return "drop" in self.plan.actions.values()

    def _done(self, rule: str) -> str:
        return self.plan.actions.get(rule, "mask")

    def _more_hints(self) -> list[str]:
        return [*(rule.hint for rule in self.plan.words.rules), _BLOB_HINT]

    def _word_hints(self) -> list[str]:
        return [*self._more_hints(), *self._email(), ODD_NUMBERS]

    def _hinted(self, text: str, hints: Sequence[str]) -> str:
        """Return whether one of the hints or a pattern of the team's own is in a text."""
        # Vectorscan, which is quick where there are words, does not know all of RE2.
        own = [f"match({text}, {literal(f'(?m:{one.pattern})')})" for one in self.plan.own]
        return any_of([f"multiMatchAny({text}, {literals(hints)})", *own])

    def _email(self) -> list[str]:
        # It begins with no word, but its hint is one of those that are cheap.
        return [rule.hint for rule in self.plan.numbers.rules if rule.name == "email"]

    def _number_hint(self) -> str:
        hints = "|".join(f"(?:{rule.hint})" for rule in self.plan.numbers.rules if rule.name != "email")
        return hints.replace(r"\b", rf"(?:\b|_|{ESCAPED})").replace("(?:^|[^", f"(?:{ESCAPED}|^|[^")

    def _bytes_hints(self) -> list[str]:
        words = [EMAIL_IN_BYTES if hint in self._email() else hint for hint in self._word_hints()]
        return [*words, self._number_hint(), SECRET_WORDS]

    def _blobs(self, text: str) -> str:
        inner = f"tryBase64Decode(extract({text}, {literal(f'(?:{_BEFORE_BLOB})({_BLOB})(?:{_AFTER_BLOB})')}))"
        blob = literal(f"({_BEFORE_BLOB})(?:{_BLOB})({_AFTER_BLOB})")
        masked = f"replaceRegexpAll({text}, {blob}, '\\\\1<{BINARY}>\\\\2')"
        return f"if({self._hinted(inner, self._bytes_hints())}, {masked}, {text})"

    def _own(self, rule: str, pattern: str, text: str) -> str:
        if self._done(rule) == "mask":
            return f"replaceRegexpAll({text}, {literal(pattern)}, '<{rule}>')"
        found = f"replaceRegexpAll({text}, {literal(f'({pattern})')}, '{_OPEN}\\\\1{_CLOSE}')"
        part = f"substringIndex(t, '{_CLOSE}', 1)"
        rest = f"substring(t, position(t, '{_CLOSE}') + 1)"
        one = f"if(position(t, '{_CLOSE}') = 0, t, concat({self._mark(rule, rule, part)}, {rest}))"
        return _whole(f"arrayStringConcat(arrayMap(t -> {one}, splitByChar('{_OPEN}', {found})))", self._done(rule))

    def _grouped(self, group: Group, text: str, kind: str) -> str:
        if not group.rules:
            return text
        expression, before, secret = _expression(group)
        found = f"replaceRegexpAll({text}, {literal(expression)}, '{_OPEN}{before}{_MIDDLE}{secret}{_CLOSE}')"
        decided = ", ".join(
            (f"{kind} != {Kind.ADDRESS} AND ({rule.decides})" if rule.address else rule.decides) + f", '{rule.name}'"
            for rule in group.rules
        )
        # What stands for a find is none, and may look like a tag before a value.
        done = literal(f"^<(?:{'|'.join(self.plan.names)})(?::[^>]*)?>")
        decided = f"multiIf(match(b, {done}), '', match(s, {done}), '', {decided}, '')"
        marked = self._mark_of("n", "s", [rule.name for rule in group.rules])
        if any(rule.name == "url_password" for rule in group.rules):
            user = "concat(substring(s, 1, position(s, ':', 4)), {}, '@')"
            marked = f"if(n = 'url_password', {user.format(marked)}, {marked})"
        one = f"arrayMap((n, s) -> if(n = '', s, {marked}), [{decided}], [s])[1]"
        parts = (
            f"substringIndex(t, '{_MIDDLE}', 1)",
            f"substringIndex(substring(t, position(t, '{_MIDDLE}') + 1), '{_CLOSE}', 1)",
        )
        bound = f"arrayMap((b, s) -> concat(b, {one}), [{parts[0]}], [{parts[1]}])[1]"
        rest = f"substring(t, position(t, '{_CLOSE}') + 1)"
        replaced = f"if(position(t, '{_CLOSE}') = 0, t, concat({bound}, {rest}))"
        whole = f"arrayStringConcat(arrayMap(t -> {replaced}, splitByChar('{_OPEN}', {found})))"
        drops = any(self._done(rule.name) == "drop" for rule in group.rules)
        return _whole(whole, "drop" if drops else "")

    def _mark_of(self, name: str, found: str, rules: list[str] | tuple[str, ...] = ()) -> str:
        """Return what stands for *found*, where which rule found it is an expression."""
        by_action: dict[str, list[str]] = {}
        for rule in rules:
            by_action.setdefault(self._done(rule), []).append(rule)
        masked = f"concat('<', {name}, '>')"
        branches = [
            f"{name} IN ({literals(some)[1:-1]}), {self._marked(action, name, found)}"
            for action, some in by_action.items()
            if action != "mask"
        ]
        return f"multiIf({', '.join(branches)}, {masked})" if branches else masked

    def _mark(self, rule: str, shown: str, found: str) -> str:
        if self._done(rule) == "mask":
            return f"'<{shown}>'"
        return self._marked(self._done(rule), literal(shown), found)

    def _marked(self, action: str, name: str, found: str) -> str:
        match action:
            case "hash":
                # Letters only: digits could be taken for a number of something.
                key = ", ".join(f"joinGet('{KEY_TABLE}', 'k{half}', toUInt8(0))" for half in (0, 1))
                hashed = f"lower(hex(sipHash64Keyed(({key}), toString(tenant), {found})))"
                return f"concat('<', {name}, ':', translate({hashed}, '0123456789abcdef', 'bcdfghjklmnpqrst'), '>')"
            case "truncate":
                kept = f"leftUTF8(replaceRegexpAll({found}, '[<>\\\\s]', ''), {self.plan.keep_first})"
                return f"concat('<', {name}, ':', {kept}, '…>')"
            case _:
                return f"concat('{_CLOSE}', {name}, '>')"


def _whole(text: str, action: str) -> str:
    """Return the text, or where something in it is to be dropped, what says so and why."""
    if action != "drop":
        return text
    rule = f"substringIndex(substring(y, position(y, '{_CLOSE}') + 1), '>', 1)"
    return f"arrayMap(y -> if(position(y, '{_CLOSE}') > 0, concat('{_GONE}', {rule}, '>'), y), [{text}])[1]"


def _expression(group: Group) -> tuple[str, str, str]:
    """Return a group's expression, and how to write what stands before and what was found."""
    alternatives: list[str] = []
    befores: list[int] = []
    secrets: list[int] = []
    number = 1
    for slot in group.slots:
        before, secret = _forms(group, slot)
        if slot == "value" and before:
            alternatives.append(f"({before})(?:{VALUE})")
            befores += [number, number + 1, number + 3]
            secrets += [number + 2, number + 4, number + 5]
            number += 6
        elif before and secret:
            alternatives.append(f"({before})({secret})")
            befores.append(number)
            secrets.append(number + 1)
            number += 2
        elif secret:
            alternatives.append(f"({secret})")
            secrets.append(number)
            number += 1
    return "|".join(alternatives), _references(befores), _references(secrets)


def _references(groups: list[int]) -> str:
    return "".join(f"\\\\{group}" for group in groups)


def _forms(group: Group, slot: Slot) -> tuple[str, str]:
    forms = [form for rule in group.rules for form in rule.forms if form.slot == slot]
    return "|".join(dict.fromkeys(form.before for form in forms)), "|".join(
        dict.fromkeys(form.secret for form in forms)
    )
