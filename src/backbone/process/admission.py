"""
Limits of labels and budgets of series: a series is looked at when its labels are first seen.

Budgets are asked from the narrowest to the widest, so that what a metric's budget refuses does not use up its tenant's.
Among the new series of one insert those with the smallest identities fit. How much of a budget is used stands in the
table ``budgets`` in memory, which series were let in in ``admitted_series``, which values labels have in
``label_values``; all are filled from the stored series at start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from backbone.config.policy import LimitsConfig
from backbone.process.literals import chosen
from backbone.process.step import Layer, Step
from backbone.process.view import Pipeline, Recall, View

REASONS = (
    "policy",
    "labels_per_series",
    "label_name_bytes",
    "label_value_bytes",
    "values_per_label",
    "active_series_per_metric",
    "active_series_per_team",
    "active_series",
    "new_series_per_minute",
)
"""Why a series is left out, from the narrowest; ``policy`` is a rule of tagging."""

Team = Callable[[str], str]
OVERFLOW = "otel_metric_overflow"
ADMITTED_KEY = "bitXor(id, cityHash64(toString(tenant)))"
_UNLIMITED = (1 << 63) - 1
_VALUES = "values_per_label"
_MINUTE = "toStartOfMinute(received)"
_RECENT = "last_seen > now() - INTERVAL 2 DAY"


@dataclass(frozen=True, slots=True)
class Budget:
    """
    How many new series each scope takes.

    ``scope`` names columns of new series, ``stored`` the same of the table ``series``, empty where that cannot tell.
    """

    reason: str
    scope: str
    stored: str
    limit: str

    def key(self, scope: str) -> str:
        return f"cityHash64('{self.reason}', {scope})"


@dataclass(frozen=True, slots=True)
class _Memory:
    """What expressions know of before: of series by their ``id``, of budgets and of labels' values by key."""

    admitted: str
    used: Callable[[str], str]
    value: Callable[[str], str]


_REMEMBERED = _Memory(
    f"{ADMITTED_KEY} IN admitted_series",
    lambda key: f"joinGet('budgets', 'used', {key})",
    lambda key: f"joinGet('label_values', 'known', {key})",
)
_NOTHING = _Memory("false", lambda _: "0", lambda _: "false")


def admission(config: LimitsConfig, team: Team | None, columns: Sequence[str], *, anew: bool = False) -> Step:
    """
    Return the step that gives each new series its ``verdict``, empty or one of `REASONS`.

    It tells also whether a series is ``admitted`` since before.

    Args:
        config: the section ``limits``.
        team: makes of an expression of a service that of its team, where there are teams with budgets.
        columns: the names of all columns of a new series.
        anew: judge as if no series were there yet.
    """
    memory = _NOTHING if anew else _REMEMBERED
    labels = config.labels
    judged = (
        f"multiIf(dropped != '' OR refused != '', 'policy', length(label_names) > {labels.per_series}, "
        f"'labels_per_series', arrayExists(n -> length(n) > {labels.name_bytes}, label_names), 'label_name_bytes', "
        f"arrayExists(v -> length(v) > {labels.value_bytes}, label_values), 'label_value_bytes', '')"
    )
    layers: list[Layer] = [{"verdict": judged, "admitted": memory.admitted}]
    if limit := _values_limit(config):
        layers.append(_count_values(limit, columns, memory))
    for budget in budgets(config, team):
        layers.append({"used": f"{memory.used(budget.key(budget.scope))} + {_rank(budget)}"})
        over = f"verdict = '' AND NOT admitted AND used > {budget.limit}"
        layers.append({"verdict": f"if({over}, '{budget.reason}', verdict)"})
    return Step("limits", tuple(layers), words=tuple(_words(config)))


def _words(config: LimitsConfig) -> Iterator[str]:
    """Yield what is limited, as sentences."""
    labels = config.labels
    yield (
        f"a series with over {labels.per_series} labels, a name over {labels.name_bytes} bytes or a value over "
        f"{labels.value_bytes} bytes is left out"
    )
    over = "added up in the metric's overflow series" if config.on_breach == "overflow" else "left out"
    numbers = {
        "a metric may have": config.active_series_per_metric,
        "a tenant may have": config.active_series,
        "a tenant may have new in a minute": config.new_series_per_minute,
    }
    for who, most in numbers.items():
        if most:
            yield f"{who} {most:,} series; new ones over it are {over}"
    if config.values_per_label:
        yield f"a label may have {config.values_per_label:,} values; series with new ones over it are {over}"
    kinds = {"metrics": len(config.metrics), "teams": len(config.teams), "tenants": len(config.tenants)}
    if any(kinds.values()):
        yield "budgets of their own: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)


def budgets(config: LimitsConfig, team: Team | None) -> list[Budget]:
    """Return the budgets of series in force, narrowest first."""
    metrics = {name: limits.active_series or _UNLIMITED for name, limits in config.metrics.items()}
    tenants = {name: limits.active_series or _UNLIMITED for name, limits in config.tenants.items()}
    new = {name: limits.new_series_per_minute or _UNLIMITED for name, limits in config.tenants.items()}
    found: list[Budget] = []
    # Counted even where there is no limit: overflow series are made of metrics that have a series.
    limit = chosen("metric", metrics, config.active_series_per_metric or _UNLIMITED)
    found.append(Budget("active_series_per_metric", "tenant, metric", "tenant, metric", limit))
    if team is not None:
        own, stored = team("service"), team("replaceRegexpOne(labels['job'], '^.*/', '')")
        limit = chosen(own, {name: limits.active_series for name, limits in config.teams.items()}, _UNLIMITED)
        found.append(Budget("active_series_per_team", f"tenant, {own}", f"tenant, {stored}", limit))
    if tenants or config.active_series:
        limit = chosen("tenant", tenants, config.active_series or _UNLIMITED)
        found.append(Budget("active_series", "tenant", "tenant", limit))
    if any(number != _UNLIMITED for number in new.values()) or config.new_series_per_minute:
        limit = chosen("tenant", new, config.new_series_per_minute or _UNLIMITED)
        found.append(Budget("new_series_per_minute", f"tenant, {_MINUTE}", "", limit))
    return found


def _rank(budget: Budget) -> str:
    return f"dense_rank() OVER (PARTITION BY {budget.scope}, admitted, verdict != '' ORDER BY id)"


def _values_limit(config: LimitsConfig) -> str | None:
    metrics = {name: limits.values_per_label or _UNLIMITED for name, limits in config.metrics.items()}
    if not config.values_per_label and all(number == _UNLIMITED for number in metrics.values()):
        return None
    return chosen("metric", metrics, config.values_per_label or _UNLIMITED)


_LABEL_KEY = f"cityHash64('{_VALUES}', tenant, metric, toString(label))"
_VALUE_KEY = "cityHash64(tenant, metric, toString(label), value)"


def _count_values(limit: str, columns: Sequence[str], memory: _Memory) -> str:
    """Return the layer that refuses series with a value over its label's budget: values are ranked, rows put back."""
    others = (name for name in columns if name not in {"place", "verdict", "admitted", "fresh"})
    row = ", ".join(["place", *(f"any({name}) AS {name}" for name in others)])
    return f"""
SELECT * EXCEPT (over, verdict), if(verdict = '' AND over, '{_VALUES}', verdict) AS verdict FROM (
    SELECT {row}, any(verdict) AS verdict, any(admitted) AS admitted, max(too_many) AS over,
        groupArrayIf((label_key, value_key), NOT known) AS fresh
    FROM (
        SELECT *, NOT admitted AND NOT known AND {memory.used("label_key")}
            + dense_rank() OVER (PARTITION BY label_key, known OR admitted OR verdict != '' ORDER BY value_key)
            > {limit} AS too_many
        FROM (
            SELECT * EXCEPT fresh, {_LABEL_KEY} AS label_key, {_VALUE_KEY} AS value_key,
                {memory.value("value_key")} AS known
            FROM ({{rows}})
            LEFT ARRAY JOIN label_names AS label, label_values AS value
        )
    )
    GROUP BY place
)
"""


def admission_pipeline(config: LimitsConfig, team: Team | None) -> Pipeline:
    """Return what remembers how much of the budgets is used, from ``governed_in``."""
    let_in = "verdict = ''"
    counted = budgets(config, team)
    views = [
        View("admitted_remember", "admitted_series", f"SELECT {ADMITTED_KEY} AS key FROM governed_in WHERE {let_in}")
    ]
    keys = ", ".join(budget.key(budget.scope) for budget in counted)
    used = f"""
SELECT key, joinGet('budgets', 'used', key) + toInt64(uniqExact(id)) AS used
FROM (SELECT id, arrayJoin([{keys}]) AS key FROM governed_in WHERE {let_in} AND NOT admitted)
GROUP BY key
"""
    views.append(View("budgets_use", "budgets", used))
    stored = [f"SELECT {one.key(one.stored)} AS key, id FROM series WHERE {_RECENT}" for one in counted if one.stored]
    fill = f"SELECT key, toInt64(uniqExact(id)) AS used FROM ({' UNION ALL '.join(stored)}) GROUP BY key"
    recalls = [
        Recall(
            "admitted_series",
            "key UInt64",
            "Set SETTINGS persistent = 0",
            f"SELECT {ADMITTED_KEY} AS key FROM series WHERE {_RECENT}",
        ),
    ]
    if _values_limit(config):
        views += _VALUE_VIEWS
        recalls.append(_LABEL_VALUES)
        fill = f"{fill} UNION ALL {_STORED_VALUES}"
    recalls.append(Recall("budgets", "key UInt64, used Int64", JOIN, fill))
    return Pipeline((), tuple(views), tuple(recalls))


JOIN = "Join(ANY, LEFT, key) SETTINGS join_any_take_last_row = 1, persistent = 0"
_FRESH = "SELECT arrayJoin(fresh) AS pair FROM governed_in WHERE verdict = ''"
_VALUE_VIEWS = [
    View(
        "budgets_use_values",
        "budgets",
        "SELECT pair.label AS key, joinGet('budgets', 'used', key) + toInt64(uniqExact(pair.value)) AS used "
        f"FROM ({_FRESH}) GROUP BY key",
    ),
    View("values_remember", "label_values", f"SELECT DISTINCT pair.value AS key, toUInt8(1) AS known FROM ({_FRESH})"),
]
_STORED_PAIRS = (
    "SELECT tenant, metric, pair.1 AS label, pair.2 AS value FROM series "
    f"ARRAY JOIN CAST(labels, 'Array(Tuple(String, String))') AS pair WHERE {_RECENT}"
)
_STORED_VALUES = (
    f"SELECT {_LABEL_KEY} AS key, toInt64(uniqExact(value)) AS used FROM ({_STORED_PAIRS}) "
    "GROUP BY tenant, metric, label"
)
_LABEL_VALUES = Recall(
    "label_values",
    "key UInt64, known UInt8",
    JOIN,
    f"SELECT DISTINCT {_VALUE_KEY} AS key, toUInt8(1) AS known FROM ({_STORED_PAIRS})",
)
