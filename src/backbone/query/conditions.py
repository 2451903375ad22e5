"""What a statement's WHERE says: conditions as text of ours, values from outside as parameters."""

from __future__ import annotations

from collections.abc import Sequence

from backbone.store.engine import Parameter, Statement


class Conditions:
    """
    Conditions that all hold, gathered with their parameters.

    Every statement on telemetry starts from one, so none can forget the tenant.
    """

    def __init__(self, tenant: str) -> None:
        self.parameters: dict[str, Parameter] = {"tenant": tenant}
        self._conditions = ["tenant = {tenant:String}"]

    def add(self, condition: str, **values: tuple[str, Parameter]) -> None:
        """
        Add a condition.

        Args:
            condition: SQL, where ``{name}`` stands for the value called so; without values it is taken as it is.
            values: by name, the SQL type and the value.
        """
        names = {name: self.bind(kind, value) for name, (kind, value) in values.items()}
        self._conditions.append(condition.format(**names) if names else condition)

    def bind(self, kind: str, value: Parameter) -> str:
        """Return the SQL that stands for *value*, a parameter of the SQL type *kind*."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"

    def between(self, column: str, start_ns: int, end_ns: int) -> None:
        """Add that *column*, a DateTime64, lies in the closed range."""
        self.add(
            f"{column} BETWEEN fromUnixTimestamp64Nano({{start}}, 'UTC') AND fromUnixTimestamp64Nano({{end}}, 'UTC')",
            start=("Int64", start_ns),
            end=("Int64", end_ns),
        )

    def of_traces(self, trace_ids: Sequence[str]) -> None:
        """Add that a row belongs to one of some traces, given by their ids in hexadecimal."""
        if len(trace_ids) == 1:
            self.add("trace_id = toFixedString(unhex({id}), 16)", id=("String", trace_ids[0]))
            return
        ids = self.bind("Array(String)", list(trace_ids))
        # A set from a subquery, so that the index of trace ids is asked.
        self.add(f"trace_id IN (SELECT toFixedString(unhex(id), 16) FROM (SELECT arrayJoin({ids}) AS id))")

    @property
    def where(self) -> str:
        return " AND ".join(f"({condition})" for condition in self._conditions)

    def statement(self, sql: str) -> Statement:
        """Return *sql* with what the conditions bind; it holds `where` already."""
        return Statement(sql, dict(self.parameters))
