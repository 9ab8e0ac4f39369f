"""The `crmlift` command: one module per group of commands, each thin over the module that does the work.

Exit codes: 0 done; 1 an error, said in one line; 2 a wrong call; 3 done, but records were rejected or
a check found differences.
"""

from __future__ import annotations

import signal
import sys

import click

from crmlift.commands import (
    add,
    checks,
    cutover,
    demo,
    handoff,
    mapping,
    plan,
    rehearse,
    report,
    run,
    sandbox,
    scope,
    undo,
)
from crmlift.commands.common import print_error
from crmlift.errors import CrmliftError


class InOrder(click.Group):
    """Lists the commands in the order in which a migration needs them, each with its first sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names as they were added."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands; click would cut what they say to one line."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, _first_sentence(self.commands[name])) for name in self.list_commands(ctx)]
            )


def _first_sentence(command: click.Command) -> str:
    return " ".join((command.help or "").partition("\n\n")[0].split())


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crmlift")
def cli() -> None:
    """Lift a Customer.io workspace into a CRM, and prove that it arrived.

    In order: scope, propose and approve a mapping, plan, provision, rehearse, run, reconcile, verify,
    report, and in the end cutover and handoff. See also retry, rollback and forget; demo shows it on a
    bundled workspace.

    Exit codes: 0 done; 1 an error, said in one line with what to do; 2 a wrong call; 3 done, but something
    was rejected, differs or stands in the way.
    """


for command in (
    scope.scope,
    mapping.propose,
    mapping.approve,
    plan.plan,
    plan.provision,
    rehearse.rehearse,
    run.run,
    checks.reconcile,
    checks.verify,
    cutover.cutover,
    handoff.handoff,
    undo.retry,
    undo.rollback,
    undo.forget,
    report.report,
    sandbox.sandbox,
    add.add,
    demo.demo,
):
    cli.add_command(command)


def main() -> None:
    """Run `crmlift`; an error that we know is one line on stderr."""
    # So that servers and pipelines that a command started are stopped by its own clean-up.
    signal.signal(signal.SIGTERM, lambda signum, _frame: sys.exit(128 + signum))
    try:
        cli(standalone_mode=True)
    except CrmliftError as error:
        print_error(error)
        sys.exit(1)
    except OSError as error:
        print_error(CrmliftError(f"{error}.", hint="Is there room, and may you read and write there?"))
        sys.exit(1)
