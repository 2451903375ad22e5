"""Random queries over a few metrics, which Prometheus 2 and 3 answer alike."""

from __future__ import annotations

import random

_GAUGES = ("depth", "temperature")
_GROUPINGS = ("shard", "job", "shard, job", "")
_OF_WINDOWS_OF_COUNTERS = ("rate", "increase", "irate", "resets", "changes")
_OF_WINDOWS = (
    "delta", "idelta", "deriv", "changes", "avg_over_time", "min_over_time", "max_over_time", "sum_over_time",
    "count_over_time", "last_over_time", "present_over_time", "stddev_over_time", "stdvar_over_time",
)  # fmt: skip
_OF_VECTORS = ("abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "deg", "sort", "sort_desc")
_AGGREGATIONS = ("sum", "avg", "min", "max", "count", "group")
_OPERATORS = ("+", "-", "*", "/", "%")
_COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
_SETS = ("and", "or", "unless")


class Questions:
    """
    Queries by chance.

    Windows never begin where a sample or a subquery's step is: what stands there counts in Prometheus 2 only. Computed
    values are not compared with each other: they may differ in their last digits, and so decide otherwise.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def one(self, depth: int = 2) -> str:
        """Return a query whose value is an instant vector."""
        if depth == 0:
            return self._leaf()
        makers = (
            self._function, self._aggregation, self._aggregation, self._choice, self._arithmetic, self._set,
            self._joined, self._subquery, self._labels, self._quantile, self._compared,
        )  # fmt: skip
        return self._chance.choice(makers)(depth) if self._chance.random() < 0.9 else self._leaf()

    def _of(self, *items: object) -> object:
        return self._chance.choice(items)

    def _matchers(self) -> str:
        shard = self._chance.randrange(4)
        return str(
            self._of(
                "", "", f'{{shard="s{shard}"}}', f'{{shard!="s{shard}"}}', '{job=~"j[01]"}',
                f'{{shard!~"s{shard}|x"}}', '{job="nobody"}', '{missing=""}',
            )
        )  # fmt: skip

    def _moment(self) -> str:
        return str(self._of("", "", "", " offset 2m", " offset 90s", " @ start()", " @ end()"))

    def _gauge(self) -> str:
        return f"{self._of(*_GAUGES)}{self._matchers()}{self._moment()}"

    def _leaf(self) -> str:
        window = self._of("2m", "5m", "11m")
        if self._chance.random() < 0.4:
            function = self._of(*_OF_WINDOWS_OF_COUNTERS)
            return f"{function}(calls_total{self._matchers()}[{window}]{self._moment()})"
        if self._chance.random() < 0.5:
            return self._gauge()
        gauge = f"{self._of(*_GAUGES)}{self._matchers()}[{window}]{self._moment()}"
        if self._chance.random() < 0.2:
            # Of Prometheus 2 it moves the window of an `@`.
            free = gauge.split(" @", maxsplit=1)[0]
            return str(self._of(f"quantile_over_time(0.7, {gauge})", f"predict_linear({free}, 300)"))
        return f"{self._of(*_OF_WINDOWS)}({gauge})"

    def _function(self, depth: int) -> str:
        inner = self.one(depth - 1)
        return str(
            self._of(
                f"{self._of(*_OF_VECTORS)}({inner})", f"-({inner})", f"clamp({inner}, -5, 50)",
                f"clamp_max({inner}, 9)", f"clamp_min({inner}, 1)", f"absent({inner})",
                f"vector(scalar({inner}))", f"timestamp({inner})",
            )
        )  # fmt: skip

    def _grouping(self) -> str:
        return f"{self._of('by', 'without')} ({self._of(*_GROUPINGS)})" if self._chance.random() < 0.7 else ""

    def _aggregation(self, depth: int) -> str:
        if self._chance.random() < 0.2:
            # Of one infinity alone, Prometheus 2 says that it does not vary.
            return f"{self._of('stddev', 'stdvar')} {self._grouping()} ({self._leaf()})"
        return f"{self._of(*_AGGREGATIONS)} {self._grouping()} ({self.one(depth - 1)})"

    def _choice(self, _depth: int) -> str:
        gauge, count = self._gauge(), self._chance.randrange(1, 4)
        kind = self._of(f"topk({count}", f"bottomk({count}", "quantile(0.3", 'count_values("value"')
        grouping = self._grouping().replace("job", "other")
        # Of equal values either may be chosen, so nothing is compared but values that differ everywhere.
        return f"{str(kind).replace('(', f' {grouping} (', 1)}, {gauge})"

    def _arithmetic(self, depth: int) -> str:
        left, operator = self.one(depth - 1), self._of(*_OPERATORS)
        return str(self._of(f"({left}) {operator} 3", f"2 {operator} ({left})", f"({left}) ^ 2", f"time() - ({left})"))

    def _compared(self, _depth: int) -> str:
        operator = self._of(*_COMPARISONS)
        return str(
            self._of(
                f"{self._gauge()} {operator} 20", f"{self._gauge()} {operator} bool 20",
                f"20 {operator} {self._gauge()}", f"depth {operator} temperature",
                f"depth {operator} bool on (shard) temperature",
            )
        )  # fmt: skip

    def _set(self, depth: int) -> str:
        matching = self._of("", "on (shard)", "ignoring (job)", "on ()")
        return f"({self.one(depth - 1)}) {self._of(*_SETS)} {matching} ({self.one(depth - 1)})"

    def _joined(self, depth: int) -> str:
        many, operator = self.one(depth - 1), self._of(*_OPERATORS)
        one = f"max by (job) ({self._gauge()})"
        return str(
            self._of(
                f"({many}) {operator} on (job) group_left () {one}",
                f"{one} {operator} on (job) group_right () ({many})",
                f"depth {operator} ignoring (kind) temperature", f"calls_total {operator} on (shard, job) depth",
            )
        )  # fmt: skip

    def _subquery(self, depth: int) -> str:
        function = self._of("max_over_time", "avg_over_time", "sum_over_time", "count_over_time", "last_over_time")
        return f"{function}(({self.one(depth - 1)})[7m30s:1m])"

    def _labels(self, depth: int) -> str:
        inner = self.one(depth - 1)
        return str(
            self._of(
                f'label_replace({inner}, "copy", "$1-x", "shard", "s(.*)")',
                f'label_join({inner}, "both", "/", "job", "shard")',
            )
        )

    def _quantile(self, _depth: int) -> str:
        grouping = self._of("le", "le, job", "le, shard")
        rates = f"sum by ({grouping}) (rate(latency_bucket[{self._of('5m', '11m')}]))"
        return f"histogram_quantile({self._of(0.5, 0.9, 0.99)}, {rates})"
