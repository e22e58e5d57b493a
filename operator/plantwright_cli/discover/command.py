"""`plantwright discover`: reads a machine or its map, and writes a profile to review."""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from plantwright_api.v1alpha1 import DataContract
from plantwright_api.wire.config import OpcUaSource
from plantwright_cli import keys, manifests
from plantwright_cli.discover import choices, modbus_csv, report
from plantwright_cli.discover.candidates import Limits, Offer
from plantwright_cli.discover.profile import Draft, draft
from plantwright_cli.discover.proposals import Proposal, propose
from plantwright_cli.discover.rendering import render
from plantwright_cli.errors import UserError
from plantwright_operator.decide.versions import parse

Output = Literal["text", "json"]
Policy = Literal["Aes256_Sha256_RsaPss", "Aes128_Sha256_RsaOaep", "Basic256Sha256"]
LARGEST_FILE = 16 * 1024 * 1024
UNREACHABLE_TABLE = "a Modbus device cannot be asked what it has; give its register map as a CSV file"


def discover(
    source: Annotated[str, typer.Argument(help="opc.tcp://host:4840/path, or a Modbus map as a CSV file.")],
    contract: Annotated[list[str], typer.Option("--contract", "-c", help="File or folder with DataContracts.")],
    name: Annotated[str | None, typer.Option(help="Name of the profile; else made from the source.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where the profile is written; else printed.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that exists.")] = False,
    output: Annotated[Output, typer.Option(help="Report for people or for programs.")] = "text",
    pick: Annotated[
        list[str] | None, typer.Option(help="Choose by hand: field=path or address; `field=` leaves it out.")
    ] = None,
    codes: Annotated[
        list[str] | None, typer.Option(help="What codes mean: state=0:Idle,1:Production. Repeatable.")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Read without encryption; said out loud.")] = False,
    certificate: keys.CertificateOption = None,
    key: keys.KeyOption = None,
    trust: keys.TrustOption = None,
    policy: Annotated[Policy, typer.Option(help="OPC UA security policy.")] = "Basic256Sha256",
    first_register: Annotated[
        int, typer.Option(min=0, max=1, help="Number that the map gives to wire address 0, unless 40001-style.")
    ] = 0,
    max_nodes: Annotated[int, typer.Option(min=1, max=1_000_000, help="Nodes after which the walk ends.")] = 20_000,
    max_depth: Annotated[int, typer.Option(min=1, max=64, help="Levels that the walk goes down.")] = 12,
    walk_seconds: Annotated[float, typer.Option(min=1, max=3600, help="Seconds after which the walk ends.")] = 60,
) -> None:
    """Propose a MachineProfile for a machine against contracts: the best signal per field, its score and why.

    Exit status: 0 the operator would take the profile, 1 something required is missing or the walk ended early, 2 it
    could not be looked at.
    """
    contracts = _contracts(contract)
    chosen = choices.read(pick or [], codes or [])
    if out is not None and out.exists() and not force:
        raise UserError(f"{out}: exists; give another name, or --force to write over what was perhaps reviewed")
    if source.startswith("opc.tcp://"):
        secrets = _secrets(insecure=insecure, certificate=certificate, key=key, trust=trust)
        offer = _walked(_source(source, policy, insecure=insecure), secrets, Limits(max_nodes, max_depth, walk_seconds))
    else:
        offer = _mapped(source, first_register)
    proposals = choices.apply(propose(contracts, offer.candidates), offer.candidates, chosen)
    made = draft(_name(name, source), offer, contracts, proposals, chosen.codes)
    _write(made, offer, proposals, out, output)
    if not report.is_well(made, offer):
        raise typer.Exit(1)


def _contracts(paths: list[str]) -> list[DataContract]:
    """The contracts; of several versions of a family the one that a reference would take is the highest."""
    found = manifests.of_kind(manifests.read(paths), DataContract)
    if not found:
        raise UserError(f"{', '.join(paths)}: there is no DataContract; --contract names the file that holds one")
    newest: dict[str, DataContract] = {}
    for one in found:
        other = newest.get(one.family())
        if other is None or parse(one.spec.version) > parse(other.spec.version):
            newest[one.family()] = one
    return list(newest.values())


def _source(url: str, policy: Policy, *, insecure: bool) -> OpcUaSource:
    return OpcUaSource(
        url=url,
        security_mode="None" if insecure else "SignAndEncrypt",
        security_policy=policy,
        certificate_secret=None if insecure else keys.CERTIFICATE,
        trust_secret=None if insecure else keys.TRUST,
    )


def _secrets(*, insecure: bool, certificate: str | None, key: str | None, trust: str | None) -> keys.Secrets:
    if insecure:
        print("warning: --insecure: everything is read in clear, and nobody proves who he is", file=sys.stderr)
        return {}
    return keys.encrypted("OPC UA is read encrypted", certificate, key, trust, ", or say --insecure")


def _walked(source: OpcUaSource, secrets: keys.Secrets, limits: Limits) -> Offer:
    from plantwright_cli.discover import opcua  # a CSV is read without asyncua

    with keys.mounted(secrets):
        return asyncio.run(opcua.offer(source, limits))


def _mapped(source: str, first_register: int) -> Offer:
    path = Path(source)
    if source.startswith("modbus+tcp://"):
        raise UserError(f"{source}: {UNREACHABLE_TABLE}")
    if not path.is_file():
        raise UserError(f"{source}: is neither opc.tcp://host:port nor a file")
    if path.stat().st_size > LARGEST_FILE:
        raise UserError(f"{source}: is larger than {LARGEST_FILE // 2**20} MiB, which no register map is")
    return modbus_csv.parse(_text(path.read_bytes()), source, first_register=first_register)


def _text(content: bytes) -> str:
    """UTF-8, or what spreadsheets on Windows write."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _name(name: str | None, source: str) -> str:
    """A name that Kubernetes takes."""
    raw = name or (Path(source).stem if "://" not in source else source.partition("://")[2])
    made = re.sub(r"[^a-z0-9]+", "-", raw.lower()).strip("-")[:63].strip("-")
    if name is not None and made != name:
        raise UserError(f"--name {name}: write it in lower-case letters, digits and -, such as {made or 'my-machine'}")
    return made or "machine"


def _write(made: Draft, offer: Offer, proposals: list[Proposal], out: Path | None, output: Output) -> None:
    text = render(made, offer, proposals)
    if out is not None:
        out.write_text(text, encoding="utf-8")
    if output == "json":
        print(json.dumps(report.as_data(made, offer, proposals), indent=2, ensure_ascii=False))
        return
    if out is None:
        print(text, end="")
    report.show(Console(stderr=out is None), made, offer, proposals)
