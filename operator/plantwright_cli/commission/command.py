"""`plantwright check`: connects to a machine, reads it, and says whether it gives what its contracts want."""

import asyncio
import io
import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import structlog
import typer
from rich.console import Console

from plantwright_api.wire.config import OpcUaSource
from plantwright_cli import keys, manifests
from plantwright_cli.commission import evidence
from plantwright_cli.commission.reading import observe
from plantwright_cli.commission.resolving import Prepared, prepare
from plantwright_cli.commission.verdicts import rows
from plantwright_cli.errors import UserError
from plantwright_operator.model import Refusal

EXITS = {"Met": 0, "NotMet": 1, "NotUsable": 1, "NotConnected": 2}
REPORT_WIDTH = 160


def check(
    file: Annotated[
        list[str], typer.Option("--file", "-f", help="Machine, profile, contracts, plant: files or folders.")
    ],
    machine: Annotated[str | None, typer.Option(help="Which machine, where the files hold several.")] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="Reach the machine at this URL instead: a tunnel, a simulator.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=3600, help="How long to read.")] = 10,
    output: Annotated[Literal["text", "json"], typer.Option(help="For people or for programs.")] = "text",
    report: Annotated[Path | None, typer.Option(help="Keep the evidence: JSON for *.json, else text.")] = None,
    certificate: keys.CertificateOption = None,
    key: keys.KeyOption = None,
    trust: keys.TrustOption = None,
    login: Annotated[
        str | None, typer.Option(help="Folder with the files username and password, as the Secret would hold them.")
    ] = None,
) -> None:
    """Commission a machine from here: read every signal with the gateway's own code and hold it to its contract.

    Exit status: 0 every signal meets its contract, 1 one does not or the operator would refuse the machine, 2 the
    machine could not be reached.
    """
    _quiet()
    began = datetime.now(UTC).isoformat(timespec="seconds")
    objects = manifests.read(file)
    inputs = sorted({one.path for one in objects if Path(one.path).is_file()})
    times = evidence.Times(began, seconds)
    prepared = prepare(objects, machine)
    if isinstance(prepared, Refusal):
        found = evidence.refused(prepared, inputs, times)
    else:
        prepared, secrets = _with_secrets(prepared.dialling(endpoint), certificate, key, trust, login)
        with keys.mounted(secrets):
            record = asyncio.run(observe(prepared.machine, seconds))
        found = evidence.build(prepared, rows(prepared.machine, record), record, inputs, times)
    _write(found, output, report)
    raise typer.Exit(EXITS[found["result"]])


def _quiet() -> None:
    """Nothing of the gateway's log: what matters of it is in the result, and JSON must stay JSON."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _with_secrets(
    prepared: Prepared, certificate: str | None, key: str | None, trust: str | None, login: str | None
) -> tuple[Prepared, keys.Secrets]:
    """The Secrets that the configuration names, from the files that were given; nothing is asked of a cluster."""
    source = prepared.machine.source
    if not isinstance(source, OpcUaSource):
        return prepared, {}
    secrets: dict[str, dict[str, str]] = {}
    if source.security_mode != "None":
        why = f"machine {prepared.machine.name}: spec.endpoint.security wants {source.security_mode}"
        secrets |= keys.encrypted(why, certificate, key, trust)
    if source.credentials_secret is not None:
        if login is None:
            raise UserError(
                f"machine {prepared.machine.name}: spec.endpoint.security.credentialsSecretRef is set: give --login, a "
                "folder with the files username and password"
            )
        secrets["login"] = {name: str(Path(login) / name) for name in ("username", "password")}
    return prepared.with_secrets(secrets), secrets


def _write(found: dict[str, Any], output: str, report: Path | None) -> None:
    as_json = json.dumps(found, indent=2, ensure_ascii=False)
    if report is not None:
        report.write_text(as_json + "\n" if report.suffix == ".json" else _text(found), encoding="utf-8")
    if output == "json":
        print(as_json)
    else:
        evidence.show(Console(), found)


def _text(found: dict[str, Any]) -> str:
    """The table, and below it what proves where it came from."""
    page = io.StringIO()
    evidence.show(Console(file=page, width=REPORT_WIDTH), found)
    shown = {name: value for name, value in found.items() if name != "signals"}
    return page.getvalue() + "\n" + json.dumps(shown, indent=2, ensure_ascii=False) + "\n"
