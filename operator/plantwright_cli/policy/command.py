"""`plantwright lint` and `plantwright policy render`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from plantwright_api.v1alpha1 import GovernancePolicy, Plant
from plantwright_cli import manifests
from plantwright_cli.errors import UserError
from plantwright_cli.policy import linting
from plantwright_cli.policy import output as written
from plantwright_operator.decide.policy import admission, compiling, scope

app = typer.Typer(help="Policies and what the API server enforces of them.", no_args_is_help=True)

Everywhere = Annotated[
    list[str] | None,
    typer.Option(help="Namespace whose policies hold in all others, as the operator is told; may be repeated."),
]


@app.callback()
def _policy() -> None:
    """Policies and what the API server enforces of them."""


def lint(
    paths: Annotated[list[str], typer.Argument(help="Files and folders of the Git tree; - is standard input.")],
    output: Annotated[written.Output, typer.Option("--output", "-o", help="How the report is written.")] = "text",
    everywhere: Everywhere = None,
    days: Annotated[int, typer.Option(min=0, max=366, help="Announce exceptions that end within so many days.")] = 30,
) -> None:
    """Judge a tree offline as the cluster would: what the API server would refuse, all policies, and whatever would stall.

    Exit status: 0 all is well, 1 an object would be refused or stall or an Enforce rule is broken, 2 it could not be looked at.
    """
    found = manifests.sources(paths)
    if not found:
        raise UserError(f"{', '.join(paths)}: holds no object of {manifests.GROUP.rstrip('/')}")
    report = linting.lint(found, datetime.now(UTC), everywhere or (), timedelta(days=days))
    typer.echo(written.RENDERERS[output](report))
    raise typer.Exit(1 if report.failed else 0)


@app.command()
def render(
    paths: Annotated[list[str], typer.Argument(help="Files and folders with the policies and the Plants.")],
    folder: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write to; else printed.")] = None,
    everywhere: Everywhere = None,
) -> None:
    """Write the ValidatingAdmissionPolicies that GitOps applies; the operator has no right to.

    A policy holds in its own namespace and in those whose Plant names it as catalogue, as far as the files show. Render
    again when a Plant is added and when an exception ends.

    Exit status: 0 written, 1 a policy cannot be used, 2 it could not be looked at.
    """
    found = manifests.read(paths)
    policies = manifests.of_kind(found, GovernancePolicy)
    if not policies:
        raise UserError(f"{', '.join(paths)}: holds no GovernancePolicy")
    reached = scope.reach(manifests.of_kind(found, Plant))
    compiled = [compiling.compile_policy(policy) for policy in policies]
    usable = [each for each in compiled if isinstance(each, compiling.Compiled)]
    for each in compiled:
        if each.broken is not None:
            typer.echo(f"error: GovernancePolicy {each.policy.metadata.name}: {each.broken.message}", err=True)
    if len(usable) < len(compiled):
        raise typer.Exit(1)
    for each in usable:
        chosen = None if scope.namespace(each.policy) in (everywhere or ()) else scope.governed(each.policy, reached)
        _write(each, admission.render(each, chosen, datetime.now(UTC).date()), folder)


def _write(compiled: compiling.Compiled, objects: list[dict[str, Any]], folder: Path | None) -> None:
    left_out = admission.deferred(compiled)
    name = f"{scope.namespace(compiled.policy)}.{compiled.policy.metadata.name}"
    if left_out:
        typer.echo(f"{name}: judged by the operator and lint, not at admission: {', '.join(left_out)}", err=True)
    if not objects:
        return
    text = yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True, width=120)
    if folder is None:
        typer.echo(f"---\n{text}", nl=False)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error}") from error
