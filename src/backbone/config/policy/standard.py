"""The published tagging standard: a policy's tagging section as a page for those who write telemetry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backbone.config.policy.sentences import either, signals_in_words
from backbone.config.policy.tagging import BREACHES, AnyRule, AttributeRule, NamesRule, TaggingConfig

_HEAD = """\
# Tagging standard

What telemetry has to say of itself. This page is written from the policy that is in force, so it says what is checked:
`backbone policy standard FILE` prints it.
"""
_ENDS = {
    "count": "counted",
    "tag": "counted, and named in the item",
    "remove": "counted, and taken away",
    "drop": "counted, and the item is left out",
    "refuse": "counted, and the item is refused",
}
_FOOT = f"""\
## What becomes of breaches

Every breach is counted by service and rule, with an example. Beyond that, as the tables say: a rule is *named in the
item* by the attribute `{BREACHES}`; what is wrong is *taken away*; the item is *left out*; or it is *refused*, which
its sender is told as a partial success.

A service's score is 100 less the mean share of items that break a rule, where required counts three times as much as
recommended or optional: `backbone policy score` shows it.
"""


def standard(config: TaggingConfig) -> str:
    """Return the page, as Markdown."""
    sections = [
        _HEAD,
        *_teams(config),
        *_attributes(config),
        *_names(config.deny, "Attributes that may not be there", "none of"),
        *_names(config.allow, "The only attributes that may be there", "only"),
        *_metrics(config),
        *_renames(config),
        _FOOT,
    ]
    return "\n".join(sections)


def _teams(config: TaggingConfig) -> Iterator[str]:
    if not config.teams:
        return
    said = f"; a resource's `{config.team_attribute}` stands over this" if config.team_attribute else ""
    yield f"## Teams\n\nA service is of the first team of which a pattern matches its name{said}.\n"
    rows = [(name, _codes(team.services), team.contact) for name, team in config.teams.items()]
    yield _table(("team", "services", "contact"), rows)


def _attributes(config: TaggingConfig) -> Iterator[str]:
    for where, title in (("resource", "Attributes of resources"), ("item", "Attributes of spans, records and series")):
        rules = [rule for rule in config.attributes if rule.where == where]
        if rules:
            yield f"## {title}\n"
            yield _table(
                ("attribute", "", "values", "signals", "teams", "a breach is", "why"), [_attribute(r) for r in rules]
            )


def _attribute(rule: AttributeRule) -> Sequence[str]:
    allowed = f"like `{rule.pattern}`" if rule.pattern else _codes(rule.values)
    return (f"`{rule.attribute}`", rule.requirement, allowed or "any", *_ends(rule))


def _ends(rule: AnyRule) -> tuple[str, str, str, str]:
    return (signals_in_words(rule), either(rule.teams) if rule.teams else "all", _ENDS[rule.on_breach], rule.why)


def _names(rules: Sequence[NamesRule], title: str, may: str) -> Iterator[str]:
    if rules:
        yield f"## {title}\n"
        rows = [
            (rule.name, rule.requirement, f"{may} {_codes(rule.names)}", f"of the {rule.where}", *_ends(rule))
            for rule in rules
        ]
        yield _table(("rule", "", "names", "where", "signals", "teams", "a breach is", "why"), rows)


def _metrics(config: TaggingConfig) -> Iterator[str]:
    if config.metrics:
        yield "## Metrics\n\nNames as Prometheus has them, before `_bucket`, `_count` and `_sum`.\n"
        rows = [
            (
                rule.name,
                rule.requirement,
                f"`{rule.match}`" if rule.match else "all",
                f"`{rule.pattern}`" if rule.pattern else "any",
                _codes(rule.suffixes) or "any",
                _codes(rule.units) or "any",
                *_ends(rule)[1:],
            )
            for rule in config.metrics
        ]
        names = ("rule", "", "metrics", "name", "ends in", "units", "teams", "a breach is", "why")
        yield _table(names, rows)


def _renames(config: TaggingConfig) -> Iterator[str]:
    if renames := config.all_renames():
        yield "## Old names\n\nThese are taken, and renamed where the new name is not there too.\n"
        yield _table(("old", "new"), [(f"`{old}`", f"`{new}`") for old, new in renames.items()])


def _codes(texts: Sequence[str]) -> str:
    return ", ".join(f"`{text}`" if text else "nothing" for text in texts)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"
