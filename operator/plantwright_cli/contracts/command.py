"""`plantwright contract`: compare two versions, import and export documents of the Open Data Contract Standard."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer
import yaml
from rich.console import Console
from rich.table import Table

from plantwright_api.v1alpha1 import DataContract
from plantwright_cli import manifests, states
from plantwright_cli.contracts import rendering, touched, versions
from plantwright_cli.errors import UserError
from plantwright_cli.odcs import document, exporting, importing
from plantwright_cli.odcs.ledger import Loss
from plantwright_cli.odcs.vocabulary import ID_ANNOTATION
from plantwright_operator.decide.catalog import judge_contract
from plantwright_operator.decide.evolution import terms
from plantwright_operator.model import Refusal

Output = Literal["text", "json"]
Bases = Annotated[str | None, typer.Option("--tree", help="Folder with the contracts that this one builds on.")]
app = typer.Typer(help="Compare contracts; import and export ODCS documents.", no_args_is_help=True)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="File with the earlier version; - is standard input.")],
    new: Annotated[str, typer.Argument(help="File with the later version.")],
    tree: Annotated[str | None, typer.Option(help="Folder with plants, profiles and machines: who is touched.")] = None,
    name: Annotated[str | None, typer.Option(help="Contract to compare, where a file holds several.")] = None,
    output: Annotated[Output, typer.Option(help="Table for people or JSON for programs.")] = "text",
) -> None:
    """Say what changed between two versions of a contract, what it means, and whom it touches.

    Exit status: 1 where the version's step is smaller than the changes take.
    """
    before, after, around = (_contracts(path) for path in (old, new, tree))
    known = list({id(c): c for c in (*before, *after, *around)}.values())
    was, is_ = versions.pick(before, name, old), versions.pick(after, name, new)
    found = versions.difference(was, is_, known)
    rows = touched.touched(states.of_files([tree]), found.new, found.changes) if tree else None
    if output == "json":
        print(json.dumps(rendering.difference_json(found, rows), indent=2, ensure_ascii=False))
    else:
        _show_difference(found, rows)
    raise typer.Exit(0 if found.step.enough else 1)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="ODCS document, such as orders.odcs.yaml.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write to; else printed.")] = None,
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Namespace of the objects.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that exist.")] = False,
    tree: Bases = None,
    output: Annotated[Output, typer.Option(help="YAML for people or JSON for programs.")] = "text",
) -> None:
    """Make DataContracts of an ODCS document, one per schema object, and list what they cannot say.

    Exit status: 1 where a contract came out that no machine could meet.
    """
    imported = _imported(file)
    objects = [_object(spec, id_, namespace) for spec, id_ in zip(imported.specs, imported.ids, strict=True)]
    made = [DataContract.model_validate(body) for body in objects]
    refusals = [refusal for contract in made if (refusal := _judged(contract, [*made, *_contracts(tree)]))]
    problems = [refusal.message for refusal in refusals]
    if out is not None:
        _write_objects(objects, out, force=force)
    if output == "json":
        losses = [loss._asdict() for loss in imported.losses]
        print(json.dumps({"contracts": objects, "losses": losses, "problems": problems}, indent=2, ensure_ascii=False))
    else:
        if out is None:
            print(_yaml(objects), end="")
        _show_losses(imported.losses, "not carried over")
        for message in problems:
            print(f"problem: {message}", file=sys.stderr)
    raise typer.Exit(1 if any(refusal.stalled for refusal in refusals) else 0)


@app.command()
def export(
    file: Annotated[str, typer.Argument(help="File with the DataContract; - is standard input.")],
    name: Annotated[str | None, typer.Option(help="Contract to export, where the file holds several.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write to; else printed.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that exists.")] = False,
    tree: Bases = None,
    output: Annotated[Output, typer.Option(help="YAML document, or JSON with it and its losses.")] = "text",
) -> None:
    """Make an ODCS v3.2.0 document of a DataContract, and list what the standard has no words for.

    A contract that extends another is exported as its own part; what it inherits stays with its base.
    """
    contracts = _contracts(file)
    contract = versions.pick(contracts, name, file)
    refusal = _judged(contract, [*contracts, *_contracts(tree)])
    if refusal is not None:
        raise UserError(f"{file}: {contract.metadata.name}: {refusal.message}")
    meta = exporting.Meta(contract.metadata.name, contract.metadata.annotations.get(ID_ANNOTATION))
    made, losses = exporting.export_odcs(terms(contract.spec), meta)
    try:
        document.check(made)
    except document.OdcsError as error:
        raise UserError(f"{file}: {contract.metadata.name}: cannot be said in ODCS: {error}") from error
    if out is not None:
        _write(out, document.write(made), force=force)
    if output == "json":
        print(_exact_json({"document": made, "losses": [loss._asdict() for loss in losses]}))
        return
    if out is None:
        print(document.write(made), end="")
    _show_losses(losses, "carried, though other programs do not act on it")


def _contracts(path: str | None) -> list[DataContract]:
    return manifests.of_kind(manifests.read([path]), DataContract) if path else []


def _judged(contract: DataContract, known: list[DataContract]) -> Refusal | None:
    found = judge_contract(contract, known, versions.namespaces(known))
    if found is None or found.reason != "ContractNotFound":
        return found
    return Refusal(found.reason, f"{found.message}; --tree names the folder where it lies", found.stalled)


def _imported(file: Path) -> importing.Imported:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read: {error}") from error
    try:
        return importing.import_odcs(document.read(text))
    except document.OdcsError as error:
        raise UserError(f"{file}: {error}") from error


def _object(spec: dict[str, Any], id_: str, namespace: str | None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": f"{spec['name']}-{spec['version']}"[-253:].lstrip("-.")}
    metadata |= {"namespace": namespace} if namespace else {}
    metadata["annotations"] = {ID_ANNOTATION: id_}
    return {"apiVersion": "plantwright.io/v1alpha1", "kind": "DataContract", "metadata": metadata, "spec": spec}


def _write_objects(objects: Iterable[dict[str, Any]], folder: Path, *, force: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for body in objects:
        _write(folder / f"{body['metadata']['name']}.yaml", _yaml([body]), force=force)


def _write(path: Path, text: str, *, force: bool) -> None:
    if path.exists() and not force and path.read_text(encoding="utf-8") != text:
        raise UserError(f"{path}: exists and says something else; remove it or give --force")
    path.write_text(text, encoding="utf-8")
    print(f"wrote {path}", file=sys.stderr)


def _yaml(objects: Iterable[dict[str, Any]]) -> str:
    return yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True, width=120, explicit_start=True)


def _exact_json(value: Any) -> str:
    """Numbers with a point as they are, not as the nearest float."""
    encoded = msgspec.json.Encoder(decimal_format="number").encode(value)
    return msgspec.json.format(encoded, indent=2).decode()


def _show_difference(found: versions.Difference, rows: list[touched.Touched] | None) -> None:
    print(rendering.headline(found))
    if found.changes:
        _print(rendering.changes_table(found.changes))
    if rows is not None:
        print(rendering.summary(rows))
        if rows:
            _print(rendering.touched_table(rows))
    print(f"version: {'ok' if found.step.enough else 'NOT ENOUGH'}: {found.step.message}")


def _show_losses(losses: list[Loss], what: str) -> None:
    if losses:
        print(f"{len(losses)} {what}:", file=sys.stderr)
        _print(rendering.losses_table(losses), error=True)


def _print(table: Table, *, error: bool = False) -> None:
    """A pipe has no width; there a row stays one line as long as it needs to be."""
    console = Console(stderr=error, soft_wrap=False)
    if not console.is_terminal:
        console = Console(stderr=error, width=200)
    console.print(table)
