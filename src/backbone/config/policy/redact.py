"""What is personal or secret, and what becomes of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from backbone.config.policy.patterns import Regex
from backbone.config.secret import Secret
from backbone.config.section import Clash, ClashesError, Section, Within
from backbone.config.units import OptionError, TextValue

Action = Literal["mask", "hash", "truncate", "drop", "keep"]

MAX_RULES = 64
"""As many as there are bits in the number by which a row says which rules found something."""


@dataclass(frozen=True, slots=True)
class RuleName(TextValue):
    """What a team calls a pattern of its own."""

    name: str

    PATTERN = "^[a-z][a-z0-9_]{0,31}$"
    EXPECTED = "a name of small letters, digits and underscores like order_number"

    @classmethod
    def parse(cls, text: str) -> Self:
        if not re.fullmatch(cls.PATTERN[1:-1], text):
            raise OptionError(cls.EXPECTED, text)
        return cls(text)

    def __str__(self) -> str:
        return self.name


class RulesConfig(Section):
    """
    What is done with what each rule finds: `mask` puts the rule's name in its place, `hash` a keyed hash that is the
    same for the same text, `truncate` its beginning; `drop` leaves out the whole text or attribute that holds it;
    `keep` does nothing.
    """

    private_key: Action = "mask"
    """Blocks of private keys: PEM and OpenSSH, also cut off ones."""
    jwt: Action = "mask"
    """JSON web tokens."""
    bearer: Action = "mask"
    """Tokens after `Bearer`."""
    basic: Action = "mask"
    """Names and passwords after `Basic`."""
    cloud_key: Action = "mask"
    """Keys of AWS, Azure, Google, GitHub, GitLab, Slack, Stripe and others, by their shape."""
    url_password: Action = "mask"  # noqa: S105 - what is done with one
    """Passwords in URLs: `postgres://user:…@host`."""
    credential: Action = "mask"
    """Values after `password=`, `"api_key":`, `--token` and the like."""
    email: Action = "mask"
    """E-mail addresses."""
    card: Action = "mask"
    """Numbers of payment cards whose check digit and issuer are right."""
    iban: Action = "mask"
    """Bank accounts whose country, length and check digits are right."""
    national_id: Action = "mask"
    """Numbers of persons: social security, tax, identity, by shape and check digit or by the word before them."""
    phone: Action = "mask"
    """Phone numbers: with a country's code, as in North America, or after a word like `phone`."""
    ipv6: Action = "mask"
    """Public addresses, but for attributes that the conventions have for addresses of machines."""
    ipv4: Action = "mask"
    """Likewise; private ranges are kept."""
    mac: Action = "mask"
    """Addresses of network cards, likewise."""
    attribute: Action = "mask"
    """Attributes and labels called `password`, `token`, `authorization`, `cookie` and the like: the whole value."""


class PatternConfig(Section):
    """A pattern of the team's own."""

    name: RuleName
    """What it is called in masks and reports."""
    pattern: Regex
    """What to look for in all texts. What may repeat is bounded to 50 times, and it may not match the empty text."""
    action: Action = "mask"
    """What is done with what it finds."""


class AttributeConfig(Section):
    """Attributes by name."""

    name: Regex
    """Their names, matched whole and in any case: `user\\.id`, `.*_ref`."""
    action: Action = "mask"
    """What is done with the whole value."""


class RedactConfig(Section):
    """Personal data and secrets are taken out of bodies, attributes, names and labels before anything is stored."""

    enabled: bool = True
    """Whether anything is done at all."""
    key: Secret | None = None
    """The key of hashes; without one, a random key is made once and kept in the data directory."""
    labels: Literal["hash", "mask"] = "hash"
    """What stands for `mask` in labels and descriptions of metrics: series whose labels are masked become one."""
    keep_first: Annotated[int, Within(1, 16)] = 4
    """How many characters `truncate` leaves."""
    rules: RulesConfig = RulesConfig()
    patterns: Annotated[tuple[PatternConfig, ...], Field(strict=False)] = ()
    """Patterns of the team's own."""
    attributes: Annotated[tuple[AttributeConfig, ...], Field(strict=False)] = ()
    """Attributes by name, before those that `rules.attribute` speaks of."""
    keep_attributes: Annotated[tuple[Regex, ...], Field(strict=False)] = ()
    """Names of attributes in which nothing is looked for, matched whole and in any case."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if clashes := list(self._clashes()):
            raise ClashesError(clashes)
        return self

    def _clashes(self) -> Iterator[Clash]:
        counted = Counter(str(one.name) for one in self.patterns)
        for name, times in counted.items():
            if name in RulesConfig.model_fields or name == "binary":
                yield Clash("redact.patterns", "redact.rules", f"'{name}' is the name of a rule that is there already")
            if times > 1:
                yield Clash("redact.patterns", "redact.patterns", f"'{name}' is the name of {times} patterns")
        count = len(self.patterns) + len(self.attributes) + len(RulesConfig.model_fields) + 1
        if count > MAX_RULES:
            over = count - MAX_RULES
            yield Clash(
                "redact.attributes" if len(self.attributes) > len(self.patterns) else "redact.patterns",
                "redact.rules",
                f"{over} more than the {MAX_RULES} rules there may be in all",
            )
