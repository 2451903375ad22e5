"""Warnings and infos that a query gives beside its result, worded as Prometheus words them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from backbone.query.promql.ast import Span


@dataclass(slots=True)
class Annotations:
    """Annotations in the order they came, each once."""

    text: str
    """The query's text, to name positions in it."""
    _warnings: dict[str, None] = field(default_factory=dict)
    _infos: dict[str, None] = field(default_factory=dict)

    def warn(self, what: str, span: Span | None = None) -> None:
        self._warnings[f"PromQL warning: {what}{self._place(span)}"] = None

    def info(self, what: str, span: Span | None = None) -> None:
        self._infos[f"PromQL info: {what}{self._place(span)}"] = None

    def tell(self, warning: str) -> None:
        """Add a warning that is not about the query's text, such as of a peer that is down."""
        self._warnings[warning] = None

    def repeat(self, warnings: Iterable[str], infos: Iterable[str]) -> None:
        """Add annotations that were worded before."""
        self._warnings.update(dict.fromkeys(warnings))
        self._infos.update(dict.fromkeys(infos))

    @property
    def warnings(self) -> list[str]:
        return list(self._warnings)

    @property
    def infos(self) -> list[str]:
        return list(self._infos)

    def _place(self, span: Span | None) -> str:
        if span is None:
            return ""
        line = self.text.count("\n", 0, span.start) + 1
        column = span.start - (self.text.rfind("\n", 0, span.start) + 1) + 1
        return f" ({line}:{column})"
