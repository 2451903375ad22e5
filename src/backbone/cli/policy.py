"""``backbone policy``: what happens to telemetry before it is stored, checked, explained, tried out and watched."""

from __future__ import annotations

import typer

from backbone.cli.policy_explain import PolicyFile, explain, load, standard
from backbone.cli.policy_report import canary, report
from backbone.cli.policy_score import diff, score
from backbone.cli.policy_trial import try_out

commands = typer.Typer(name="policy", no_args_is_help=True, help="Check, explain and try what happens to telemetry.")


@commands.command()
def check(file: PolicyFile) -> None:
    """Check a policy: every problem with its line and column."""
    load(file)
    typer.echo(f"{file}: ok")


commands.command()(explain)
commands.command("test")(try_out)
commands.command()(diff)
commands.command()(score)
commands.command()(standard)
commands.command()(report)
commands.command()(canary)
