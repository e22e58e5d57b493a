"""All commands of `plantwright`, and what a user sees of an error."""

import sys

import typer

from plantwright_cli.commission.command import check
from plantwright_cli.contracts.command import app as contract
from plantwright_cli.discover.command import discover
from plantwright_cli.errors import UserError
from plantwright_cli.plan.command import plan
from plantwright_cli.policy.command import app as policy
from plantwright_cli.policy.command import lint
from plantwright_cli.quarantine.command import app as quarantine
from plantwright_cli.report.command import report
from plantwright_cli.top.command import top

app = typer.Typer(
    name="plantwright",
    help="Contracts, mapping and commissioning for factories on Plantwright.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root() -> None:
    """Contracts, mapping and commissioning for factories on Plantwright."""


app.command()(discover)
app.command()(check)
app.command()(plan)
app.command()(lint)
app.command()(report)
app.command()(top)
app.add_typer(contract, name="contract")
app.add_typer(policy, name="policy")
app.add_typer(quarantine, name="quarantine")


def main() -> None:
    """Run the command line. Exit status: 0 all is well, 1 what was looked at is not, 2 it could not be looked at."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
