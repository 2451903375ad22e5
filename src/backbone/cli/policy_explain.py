"""``backbone policy explain`` and ``standard``: a policy in words, in SQL, and as a page."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from backbone.cli.client import fail

if TYPE_CHECKING:
    from pydantic import BaseModel

    from backbone.config.policy import PolicyConfig
    from backbone.process import Policy
    from backbone.process.step import Layer, Step

PolicyFile = Annotated[Path, typer.Argument(metavar="FILE", help="The policy, policy.yaml.", show_default=False)]
Signal = Literal["traces", "logs", "metrics"]

_ITEMS: Mapping[Signal, str] = {"traces": "span", "logs": "log record", "metrics": "series, once, when it is new"}
_MASK = "********"


def load(file: Path) -> PolicyConfig:
    """Return the policy of a file; what is wrong with it ends the command."""
    from backbone.config.load import load_policy  # noqa: PLC0415 - heavy
    from backbone.model.errors import ConfigError  # noqa: PLC0415

    try:
        return load_policy(file)
    except ConfigError as error:
        fail(str(error))


def explain(
    file: PolicyFile,
    signal: Annotated[Signal | None, typer.Option(help="One signal; without it, all.")] = None,
) -> None:
    """Print what a policy does with each signal, in order: in words, then as SQL."""
    from backbone.process import compile_policy, storing  # noqa: PLC0415 - heavy

    config = load(file)
    policy = compile_policy(config)
    for name in [signal] if signal else _ITEMS:
        steps = _steps(policy, name)
        _print_heading(f"{name}: each {_ITEMS[name]}")
        if not steps:
            print("nothing is done\n")
        for number, step in enumerate(steps, 1):
            print(f"{number}. {step.name}")
            for sentence in step.words:
                print(f"   - {masked(sentence, config)}")
            print()
            _print_sql(masked("\n\n".join(_sql(step)), config))
            print()
        for view in storing(policy, name):
            print(f"then {view.name}, into {view.target}\n")
            _print_sql(masked(view.select.strip(), config))
            print()


def standard(file: PolicyFile) -> None:
    """Print the tagging standard of a policy, a page in Markdown for those who write telemetry."""
    from backbone.config.policy.standard import standard as page  # noqa: PLC0415 - heavy

    typer.echo(page(load(file).tagging), nl=False)


def _steps(policy: Policy, signal: Signal) -> Sequence[Step]:
    from backbone.process.redact import of_requests  # noqa: PLC0415 - heavy
    from backbone.process.series import series_steps  # noqa: PLC0415

    items = {"traces": policy.spans, "logs": policy.logs}
    steps = series_steps(policy) if signal == "metrics" else (*policy.renaming, *items[signal])
    return [*of_requests(policy.redaction, signal), *(step for step in steps if step.layers)]


def _sql(step: Step) -> Iterator[str]:
    """Yield a statement for each layer; each reads the rows as the one before left them."""
    for about, layers in (("resources, before their items are spread out", step.resource), ("items", step.layers)):
        for number, layer in enumerate(layers, 1):
            yield f"-- {step.name}, {about}, {number} of {len(layers)}\n{_select(layer)}"


def _select(layer: Layer) -> str:
    from backbone.process.step import expressions  # noqa: PLC0415 - heavy

    if isinstance(layer, str):
        return layer.replace("({rows})", "rows").strip()
    columns = ",\n".join(f"    {expression} AS {name}" for name, expression in expressions(layer).items())
    return f"SELECT *,\n{columns}\nFROM rows"


def _secrets(value: Any) -> Iterator[str]:
    """Yield what a configuration keeps secret, wherever it stands."""
    from pydantic import BaseModel  # noqa: PLC0415 - heavy

    from backbone.config.secret import Secret  # noqa: PLC0415
    from backbone.process.literals import literal  # noqa: PLC0415

    match value:
        case Secret():
            yield from (literal(value.reveal())[1:-1], value.reveal())
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secrets(getattr(value, name))
        case Mapping():
            for inner in value.values():
                yield from _secrets(inner)
        case tuple():
            for inner in value:
                yield from _secrets(inner)


def masked(text: str, config: BaseModel) -> str:
    """Return *text* without what a configuration keeps secret."""
    for secret in _secrets(config):
        text = text.replace(secret, _MASK)
    return text


def _print_heading(text: str) -> None:
    if sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415 - only for people

        Console().rule(text, align="left")
    else:
        print(f"== {text} ==")


def _print_sql(sql: str) -> None:
    if sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415 - only for people
        from rich.syntax import Syntax  # noqa: PLC0415

        Console().print(Syntax(sql, "sql", background_color="default", word_wrap=True))
    else:
        print(sql)
