"""
What keeps a trace, as one statement over all traces that are due.

A policy says two things of a trace: whether it keeps it, and with what probability it would keep one like it. Shares
and rates all prefer traces of high randomness, so of several policies the largest probability is that of all of them
together, and the smallest that of all at once. A kept trace stands for as many as one over its probability, which adds
up to the number that came, whichever policies meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from backbone.config.policy.sample import (
    AlwaysPolicy,
    AndPolicy,
    AttributePolicy,
    ErrorPolicy,
    LatencyPolicy,
    NotPolicy,
    OrPolicy,
    ProbabilisticPolicy,
    ServicePolicy,
    ServiceRatePolicy,
    StatusPolicy,
    TailPolicy,
)
from backbone.process.literals import literal, literals
from backbone.process.sample.threshold import (
    WEIGHT,
    explicit_randomness,
    id_randomness,
    packed,
    probability,
    threshold,
)

_DUE = "SELECT trace_id FROM spans_waiting WHERE batch IN {due:Array(String)}"
_NO_PARENT = "toFixedString('', 8)"


_WAITING = f"""
spans_waiting WHERE batch IN {{batches:Array(String)}} AND trace_id IN ({_DUE})
GROUP BY tenant, trace_id
HAVING (tenant, trace_id) NOT IN (SELECT tenant, trace_id FROM decisions WHERE trace_id IN ({_DUE}))"""


def decisions_insert(policies: Sequence[TailPolicy]) -> str:
    """
    Return the statement that decides on all traces with a span in a batch that is due.

    Its parameters are ``due`` and ``batches``, the batches that are due and all that are looked at; ``now_ns``, when
    it is decided; and ``seconds``, for how long rates may keep traces.
    """
    decision = _Decision()
    verdicts = decision.verdicts(policies)
    rules = [literal(policy.name or policy.kind) for policy in policies]
    first = ", ".join(f"kept{i}, {rule}" for i, rule in enumerate(rules))
    chance = f"greatest({', '.join(f'chance{i}' for i in range(len(verdicts)))}, 0.)"
    return f"""
INSERT INTO decisions (tenant, trace_id, kept, rule, weight, decided)
SELECT tenant, trace_id, {_any_kept(verdicts)} AS is_kept, multiIf({first}, '') AS rule,
    if(is_kept, 1 / {chance}, 0) AS weight, fromUnixTimestamp64Nano({{now_ns:Int64}}, 'UTC')
FROM ({decision.judged(verdicts, _WAITING)})
"""


def kept_by(policies: Sequence[TailPolicy], spans: str) -> str:
    """
    Return the select of ``tenant`` and ``trace_id`` of what would be kept of spans that are there.

    Rates keep so many traces of each second in which traces came, as they do where each second is decided on at once.

    Args:
        policies: what keeps a trace.
        spans: a select of their columns as in ``spans``, without the weight.
    """
    decision = _Decision({"second": "toUnixTimestamp(min(received))"}, seconds="1", apart="tenant, root, second")
    verdicts = decision.verdicts(policies)
    rows = f"(SELECT *, {WEIGHT} AS weight FROM ({spans})) GROUP BY tenant, trace_id"
    return f"SELECT tenant, trace_id FROM ({decision.judged(verdicts, rows)}) WHERE {_any_kept(verdicts)}"


def _any_kept(verdicts: Sequence[_Verdict]) -> str:
    return " OR ".join(f"kept{i}" for i in range(len(verdicts)))


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Whether a policy keeps a trace, and the probability that it keeps one like it, as SQL."""

    holds: str
    chance: str


@dataclass(slots=True)
class _Decision:
    """The columns that policies need, gathered while they are looked through."""

    facts: dict[str, str] = field(default_factory=dict)
    """Columns by name: aggregates over the spans of a trace."""
    rates: list[str] = field(default_factory=list)
    """Windows over all traces, one over the other."""
    seconds: str = "{seconds:UInt32}"
    """For how long rates may keep traces, of those that have in common what they are told *apart* by."""
    apart: str = "tenant, root"

    def verdicts(self, policies: Sequence[TailPolicy]) -> list[_Verdict]:
        return list(self._any(policies, "1"))

    def judged(self, verdicts: Sequence[_Verdict], spans: str) -> str:
        """Return the select of each trace's verdicts; *spans* are what follows FROM, put together by trace."""
        facts = "".join(f", {fact} AS {name}" for name, fact in self.facts.items())
        select = f"SELECT tenant, trace_id{facts} FROM {spans}"
        for columns in self.rates:
            select = f"SELECT *, {columns} FROM ({select})"
        judged = ", ".join(f"{v.holds} AS kept{i}, {v.chance} AS chance{i}" for i, v in enumerate(verdicts))
        return f"SELECT tenant, trace_id, {judged} FROM ({select})"

    def _verdict(self, policy: TailPolicy, within: str) -> _Verdict:
        """Return the verdict of a policy; *within* tells which traces it is asked about, by what is certain of them."""
        match policy:
            case ProbabilisticPolicy():
                th = threshold(policy.ratio)
                return _Verdict(f"({self._randomness()} >= {packed(th)})", repr(probability(th)))
            case ServiceRatePolicy():
                return self._rate(policy, within)
            case AndPolicy():
                verdicts = list(self._all(policy.policies, within))
                return _Verdict(_joined(" AND ", verdicts), _chances("least", verdicts))
            case OrPolicy():
                verdicts = list(self._any(policy.policies, within))
                return _Verdict(_joined(" OR ", verdicts), _chances("greatest", verdicts))
            case NotPolicy():
                return _certain(f"(NOT {self._verdict(policy.policy, within).holds})")
            case _:
                return _certain(self._fact(policy))

    def _any(self, policies: Sequence[TailPolicy], within: str) -> Iterator[_Verdict]:
        """A rate is not spent on traces that a policy before it keeps for certain."""
        for policy in policies:
            verdict = self._verdict(policy, within)
            within = f"{within} AND {verdict.chance} < 1"
            yield verdict

    def _all(self, policies: Sequence[TailPolicy], within: str) -> Iterator[_Verdict]:
        """Nor on traces that a policy before it keeps never."""
        for policy in policies:
            verdict = self._verdict(policy, within)
            within = f"{within} AND {verdict.chance} > 0"
            yield verdict

    def _rate(self, policy: ServiceRatePolicy, within: str) -> _Verdict:
        root = f"argMin(service, (parent_span_id != {_NO_PARENT}, time))"
        self.facts |= {"root": root, "upstream": "min(weight)"}
        number = len(self.rates)
        window = f"PARTITION BY {self.apart}, {within} ORDER BY {self._randomness()} DESC, trace_id"
        whole = f"PARTITION BY {self.apart}, {within}"
        self.rates.append(
            f"({within}) AS asked{number}, row_number() OVER ({window}) AS place{number}, "
            f"count() OVER ({whole}) AS came{number}"
        )
        budget = f"{policy.per_second} * {self.seconds}"
        share = f"least({budget} / came{number}, 1) / upstream"
        return _Verdict(f"(asked{number} AND place{number} <= {budget})", f"if(asked{number}, {share}, 0.)")

    def _randomness(self) -> str:
        self.facts["explicit"] = f"max({explicit_randomness()})"
        return f"if(explicit = '', {id_randomness()}, explicit)"

    def _fact(self, policy: TailPolicy) -> str:
        """Return the name of the column that tells something certain of a trace."""
        name = f"fact{len(self.facts)}"
        self.facts[name] = _of_trace(policy)
        return name


def _certain(holds: str) -> _Verdict:
    return _Verdict(holds, f"toFloat64({holds})")


def _joined(by: str, verdicts: Sequence[_Verdict]) -> str:
    return f"({by.join(verdict.holds for verdict in verdicts)})"


def _chances(function: str, verdicts: Sequence[_Verdict]) -> str:
    return f"{function}({', '.join(verdict.chance for verdict in verdicts)}, {verdicts[0].chance})"


def _of_trace(policy: TailPolicy) -> str:
    match policy:
        case ErrorPolicy():
            return "max(status = 'error')"
        case StatusPolicy():
            return f"max(has({literals(policy.codes)}, toString(status)))"
        case ServicePolicy():
            return f"max(has({literals(policy.services)}, service))"
        case AttributePolicy():
            return f"max({_attribute(policy)})"
        case LatencyPolicy():
            end = "max(toUnixTimestamp64Nano(time) + toInt64(duration_ns))"
            return f"({end} - min(toUnixTimestamp64Nano(time)) >= {policy.over.nanoseconds})"
        case AlwaysPolicy():
            return "max(1)"
        case _:
            raise AssertionError(f"no fact of a trace: {policy.kind}")


def _attribute(policy: AttributePolicy) -> str:
    key = literal(policy.key)
    there = f"mapContains(attributes, {key})"
    value = f"if({there}, attributes[{key}], resource[{key}])"
    tests = [f"({there} OR mapContains(resource, {key}))"]
    if policy.values:
        tests.append(f"has({literals(policy.values)}, {value})")
    if policy.pattern:
        tests.append(f"match({value}, {literal(policy.pattern.pattern)})")
    if policy.at_least is not None:
        tests.append(f"ifNull(toFloat64OrNull({value}) >= {policy.at_least!r}, 0)")
    return " AND ".join(tests)
