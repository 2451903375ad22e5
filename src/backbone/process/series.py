"""
Series, the one model of all metrics: a metric's name, its labels, and samples under a fingerprint.

Doors for metrics write rows of `SERIES_IN` into ``series_in``: one per series and request, with its samples as arrays.
``judged_in`` says of each whether it is known: its labels were written today, as they were sent. Of known series only
samples are left to store. The others pass policy and come to ``governed_in`` with the labels they are to have and a
verdict. So policy on labels costs nothing per sample.

Series whose labels policy changes, or may have made one of several, or that are over a budget, never become known: they
pass policy each time. What it made of their fingerprints stands in ``fates``, for what comes beside samples: exemplars
and native histograms.
"""

from __future__ import annotations

from collections.abc import Sequence

from backbone.process.admission import JOIN, OVERFLOW, REASONS, admission, admission_pipeline
from backbone.process.findings import findings
from backbone.process.literals import literals
from backbone.process.policy import Policy
from backbone.process.step import JUDGED, UNTOUCHED, Step, govern, names_of
from backbone.process.view import Passage, Pipeline, Recall, View

SERIES_IN = Passage(
    "series_in",
    """
    tenant LowCardinality(String),
    received DateTime64(9, 'UTC'),
    service LowCardinality(String),
    metric String,
    id UInt64,
    fp UInt64,
    label_names Array(LowCardinality(String)),
    label_values Array(String),
    type Enum8('unknown' = 0, 'counter' = 1, 'gauge' = 2, 'histogram' = 3, 'gaugehistogram' = 4, 'summary' = 5,
        'info' = 6, 'stateset' = 7),
    unit LowCardinality(String),
    first_ms Int64,
    last_ms Int64,
    times_ms Array(Int64),
    values Array(Float64),
    key UInt64,
    redactions UInt64
""",
)
"""
``key`` is how `backbone.receive.known_series` calls the series, 0 where it does not ask; ``redactions`` a bit for each
rule that found something in it.
"""


def label_hash(names: str, values: str) -> str:
    """
    Return the hash of a set of labels: a sum over its pairs, so their order does not matter and sets can be added up.

    A label without a value is no label, as in Prometheus.
    """
    return f"arraySum(arrayMap((n, v) -> if(v = '', 0, cityHash64(toString(n), v)), {names}, {values}))"


def pair_hash(name: str, value: str) -> str:
    """Return what the one label adds to a `label_hash`; the metric's name is the label ``__name__``."""
    return f"cityHash64('{name}', {value})"


def fingerprint(metric: str, identity: str) -> str:
    """Return the 64 bits under which samples lie: 16 of the metric's name, so its series are neighbours."""
    return (
        f"bitOr(bitShiftLeft(bitAnd(cityHash64({metric}), 0xFFFF), 48), bitAnd({identity}, toUInt64(0xFFFFFFFFFFFF)))"
    )


_FRESH = "Array(Tuple(label UInt64, value UInt64))"
JUDGED_IN = Passage("judged_in", f"{SERIES_IN.columns}, known Bool")
GOVERNED_IN = Passage(
    "governed_in",
    f"{SERIES_IN.columns}, {JUDGED}, sent_id UInt64, verdict LowCardinality(String), admitted Bool, collapsed Bool, "
    f"place UInt64, fresh {_FRESH}, apart UInt64",
)
"""
Series that are not known, with their labels as policy left them, and the ``id`` and ``fp`` under which they are stored.

``sent_id`` is that of the labels as they came to policy, ``place`` the order in which they came; ``apart`` tells those
from each other to which redaction may have given the same labels, and is 0 of all others. A series with a verdict is
over a limit: it is ``collapsed`` into the overflow series of its metric, or left out. ``fresh`` are the keys of labels'
values that were not there before, where they are counted.
"""

FIRST_FINGERPRINT = 16
"""Smaller fates are no fingerprints: from 1 on they are places in `REASONS`."""
ADDED_UP = FIRST_FINGERPRINT - 1
"""Of a series that is over a limit and added up with others."""

_FATE_KEY = "bitXor({id}, cityHash64(toString(tenant)))"
_LAST = "fromUnixTimestamp64Milli(last_ms, 'UTC')"


def known_key(identity: str, last_ms: str) -> str:
    """Return how a series is called in ``known_series`` on the day of its last sample."""
    return _known_key(identity, f"fromUnixTimestamp64Milli({last_ms}, 'UTC')")


def _known_key(identity: str, last: str) -> str:
    return f"bitXor({identity}, cityHash64(toString(tenant), toDate({last})))"


def fated(select: str, columns: Sequence[str]) -> str:
    """
    Return what belongs to series, but is no sample, under the fingerprints that policy gave them.

    Args:
        select: a select of *columns* and ``id``, where ``id`` and ``fp`` are those of the sender's labels.
        columns: ``tenant`` and ``fp`` among them.
    """
    made = f"joinGet('fates', 'fp', {_FATE_KEY.format(id='id')})"
    shown = ", ".join("if(made = 0, fp, made) AS fp" if name == "fp" else name for name in columns)
    return (
        f"SELECT {shown} FROM (SELECT *, {made} AS made FROM ({select})) WHERE made = 0 OR made >= {FIRST_FINGERPRINT}"
    )


UNJUDGED = f"'' AS verdict, false AS admitted, rowNumberInAllBlocks() AS place, CAST([], '{_FRESH}') AS fresh"
"""The columns that limits are told by, of a row that they have not seen."""


def is_merged(policy: Policy) -> str:
    """Return whether what was found in labels may have made one of several series, an expression."""
    return f"bitAnd(redactions, {policy.redaction.merging}) != 0" if policy.redaction.merging else "false"


def _judge(merged: str) -> str:
    return f"SELECT *, NOT {merged} AND {known_key('id', 'last_ms')} IN known_series AS known FROM series_in"


_NEW = f"""
SELECT * REPLACE (
    arrayFilter((n, v) -> n != '__name__' AND v != '', label_names, label_values) AS label_names,
    arrayFilter((v, n) -> n != '__name__' AND v != '', label_values, label_names) AS label_values
), {UNTOUCHED}, {UNJUDGED}, id AS sent_id, false AS collapsed, toUInt64(0) AS apart
FROM (
    SELECT * EXCEPT known FROM judged_in
    WHERE NOT known AND (last_ms > 0 OR notEmpty(times_ms) OR type = 'histogram')
        AND throwIf(metric = '', 'series without a metric name') = 0
        AND throwIf(NOT isValidUTF8(metric), 'metric name that is not UTF-8') = 0
        AND throwIf(countEqual(label_names, '__name__') > 1, 'series with a label given twice') = 0
)
"""
_CHECKED = """
SELECT * FROM ({rows})
WHERE throwIf(arrayUniq(label_names) != length(label_names), 'series with a label given twice') = 0
    AND throwIf(arrayExists(n -> n = '', label_names), 'label without a name') = 0
    AND throwIf(arrayExists(n -> NOT isValidUTF8(n), label_names), 'label name that is not UTF-8') = 0
    AND throwIf(arrayExists(v -> NOT isValidUTF8(v), label_values), 'label value that is not UTF-8') = 0
"""
_CHECKS = Step("checks", (_CHECKED,))


def _told_apart(policy: Policy) -> Step:
    merged = f"if({is_merged(policy)}, if(key != 0, key, place), 0)"
    return Step("apart", ({"apart": merged},) if policy.redaction.merging else ())


def _identity(labels: str, metric: str) -> str:
    return f"{labels} + {pair_hash('__name__', metric)}"


_NAMED_ANEW = Step(
    "identity",
    (
        {"id": _identity(label_hash("label_names", "label_values"), "metric")},
        {"fp": fingerprint("metric", "id")},
    ),
)


def _collapse(policy: Policy) -> Step:
    """Give series over a budget the identity of their metric's overflow series, if that is what the policy says."""
    # A metric without any series has no place in the budgets; one for each new metric would be series without end.
    here = "joinGet('budgets', 'used', cityHash64('active_series_per_metric', tenant, metric)) > 0"
    own = "verdict IN ('values_per_label', 'active_series_per_metric')"
    wider = f"verdict IN ('active_series_per_team', 'active_series', 'new_series_per_minute') AND {here}"
    overflow = _identity(pair_hash(OVERFLOW, "'true'"), "metric")
    if policy.limits.on_breach == "drop":
        return Step("collapse", ())
    return Step(
        "collapse",
        (
            {"collapsed": f"{own} OR {wider}"},
            {"id": f"if(collapsed, {overflow}, id)"},
            {"fp": f"if(collapsed, {fingerprint('metric', 'id')}, fp)"},
        ),
    )


STORED = "(verdict = '' OR collapsed)"
UNCHANGED = "verdict = '' AND id = sent_id AND apart = 0"

_SERIES = f"""
SELECT tenant, metric, fp, id,
    if(collapsed, map('{OVERFLOW}', 'true'), mapFromArrays(label_names, label_values)) AS labels,
    type, unit, fromUnixTimestamp64Milli(first_ms, 'UTC') AS first_seen, {_LAST} AS last_seen
FROM governed_in WHERE {STORED}
"""

_SAMPLES = """
SELECT tenant, fp, fromUnixTimestamp64Milli(time_ms, 'UTC') AS time, value
FROM judged_in ARRAY JOIN times_ms AS time_ms, values AS value WHERE known
"""

# Series that policy made one are added up; a sample that was sent twice counts once.
_NEW_SAMPLES = f"""
SELECT tenant, fp, fromUnixTimestamp64Milli(at, 'UTC') AS time, if(count() = 1, any(last), sum(last)) AS value
FROM (
    SELECT tenant, fp, sent_id, apart, at, argMax(v, place) AS last
    FROM governed_in ARRAY JOIN times_ms AS at, values AS v WHERE {STORED}
    GROUP BY tenant, fp, sent_id, apart, at
)
GROUP BY tenant, fp, at
"""

_KNOWN = f"SELECT {known_key('sent_id', 'last_ms')} AS key FROM governed_in WHERE {UNCHANGED}"
_STORED_KNOWN = f"SELECT {_known_key('id', 'last_seen')} AS key FROM series"

_FATES = f"""
SELECT DISTINCT {_FATE_KEY.format(id="sent_id")} AS key,
    if({STORED}, fp, toUInt64(indexOf({literals(REASONS)}, toString(verdict)))) AS fp
FROM governed_in WHERE NOT ({UNCHANGED})
"""

_LEFT_OUT = f"""
SELECT tenant, received, 'metrics' AS signal, service, reason AS refused, items
FROM (
    SELECT tenant, received, service, if(refused != '', toString(refused), toString(verdict)) AS reason,
        sum(greatest(length(times_ms), 1)) AS items
    FROM governed_in WHERE NOT {STORED} AND dropped = '' GROUP BY tenant, received, service, reason
)
"""

# The label that has most values among what is over a limit is the one to look at.
_OVER = """
SELECT tenant, minute, 'metrics' AS signal, service, 'limits' AS policy, rule, outcome, sum(most) AS items,
    argMax(concat(metric, '{', culprit, '}'), most) AS example
FROM (
    SELECT tenant, minute, service, rule, outcome, metric, max(count) AS most,
        argMax(label, (values, count)) AS culprit
    FROM (
        SELECT tenant, toStartOfMinute(received) AS minute, service, toString(verdict) AS rule,
            if(collapsed, 'collapsed', 'left out') AS outcome, metric, toString(label) AS label,
            uniq(value) AS values, sum(greatest(length(times_ms), 1)) AS count
        FROM governed_in LEFT ARRAY JOIN label_names AS label, label_values AS value
        WHERE verdict NOT IN ('', 'policy')
        GROUP BY tenant, minute, service, rule, outcome, metric, label
    )
    GROUP BY tenant, minute, service, rule, outcome, metric
)
GROUP BY tenant, minute, service, rule, outcome
"""


def limits_anew(policy: Policy, columns: Sequence[str]) -> tuple[Step, ...]:
    """Return what is done with series that steps are done with, to tell what limits say if none of them was there."""
    return _NAMED_ANEW, admission(policy.limits, policy.team, columns, anew=True)


def series_steps(policy: Policy) -> list[Step]:
    """Return all that is done with a series that is not known, in order."""
    anew = (_NAMED_ANEW,) if policy.series else ()
    limits = admission(policy.limits, policy.team, names_of(GOVERNED_IN.columns))
    return [_CHECKS, _told_apart(policy), *policy.series, *anew, limits, _collapse(policy)]


def series_pipeline(policy: Policy) -> Pipeline:
    """Return the steps from ``series_in`` to the tables of series and samples."""
    governed = govern(_NEW, names_of(GOVERNED_IN.columns), series_steps(policy))
    counted = (
        findings(
            "metrics", "governed_in", "tagging", "breaches", policy.breaches, policy.evidence.get("metrics", "metric")
        ),
        findings("metrics", "governed_in", "redact", "redactions", policy.redaction.names, "metric"),
    )
    series = Pipeline(
        passages=(SERIES_IN, JUDGED_IN, GOVERNED_IN),
        views=(
            View("series_judge", "judged_in", _judge(is_merged(policy))),
            View("samples_store", "samples", _SAMPLES),
            View("series_govern", "governed_in", governed),
            View("series_store", "series", _SERIES),
            View("series_samples", "samples", _NEW_SAMPLES),
            View("series_known", "known_series", _KNOWN),
            View("series_fates", "fates", _FATES),
            View("series_left_out", "ingested", _LEFT_OUT),
            View("series_over", "findings", _OVER),
            *filter(None, counted),
        ),
        recalls=(
            Recall(
                "known_series",
                "key UInt64",
                "Set SETTINGS persistent = 0",
                f"{_STORED_KNOWN} WHERE last_seen > now() - INTERVAL 2 DAY",
            ),
            Recall("fates", "key UInt64, fp UInt64", JOIN, ""),
        ),
    )
    return series + admission_pipeline(policy.limits, policy.team)
