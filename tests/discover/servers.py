"""Reads the foreign address spaces of `tuning` and `evaluation`, and judges what is proposed for them."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from plantwright_api.v1alpha1 import DataContract
from plantwright_api.v1alpha1.signals import OpcUaAddress
from plantwright_cli.discover import modbus_csv
from plantwright_cli.discover.candidates import Candidate, Companion, Kind
from plantwright_cli.discover.proposals import Proposal, propose

HERE = Path(__file__).parent
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "DInt", "UDInt"), "Integer"),
    **dict.fromkeys(("Float", "Double", "Real", "LReal"), "Number"),
    "Boolean": "Boolean",
    "String": "String",
    "DateTime": "Timestamp",
}


@dataclass(frozen=True)
class Server:
    """One machine and, per field, the names that are right; a field that is not listed does not exist there."""

    name: str
    candidates: list[Candidate]
    truth: dict[str, list[str]]


@dataclass(frozen=True)
class Verdict:
    """One field of one server: `accepted` None where nothing was accepted, else whether it was right."""

    server: str
    field: str
    exists: bool
    first: bool
    among_three: bool
    accepted: bool | None
    proposal: Proposal
    got: str


def contract() -> DataContract:
    return DataContract.model_validate(yaml.safe_load((HERE / "contract.yaml").read_text()))


def servers(folder: str) -> list[Server]:
    return [_server(path) for path in sorted((HERE / folder).glob("*.yaml"))]


def judge(server: Server) -> list[Verdict]:
    return [_verdict(server, proposal) for proposal in propose([contract()], server.candidates)]


def _verdict(server: Server, proposal: Proposal) -> Verdict:
    wanted = server.truth.get(proposal.field.name, [])
    right = [_is(server.candidates[m.candidate], wanted) for m in proposal.ranked]
    got = server.candidates[proposal.ranked[0].candidate].place if proposal.ranked else ""
    return Verdict(
        server.name,
        proposal.field.name,
        bool(wanted),
        bool(right[:1] == [True]),
        any(right),
        right[0] if proposal.accepted else None,
        proposal,
        got,
    )


def _is(candidate: Candidate, names: list[str]) -> bool:
    plain = candidate.place
    return any(
        plain == name or (plain.endswith("/" + name.rpartition(":")[2]) and _ends(plain, name)) for name in names
    )


def _ends(place: str, name: str) -> bool:
    parts = [part.rpartition(":")[2] for part in name.split("/")]
    return place.split("/")[-len(parts) :] == parts


def _server(path: Path) -> Server:
    body = yaml.safe_load(path.read_text())
    if "csv" in body:
        return Server(path.stem, list(modbus_csv.parse(body["csv"], path.name).candidates), body["truth"])
    uris = body.get("namespaces", {})
    candidates = [_candidate(line, uris) for line in body["nodes"].splitlines()]
    return Server(path.stem, candidates, body["truth"])


def _candidate(line: str, uris: dict[str, str]) -> Candidate:
    place, kind, unit, description, sample = (part.strip() for part in line.split("|"))
    *path, last = place.split("/")
    prefix, _, name = last.rpartition(":")
    return Candidate(
        name=name,
        path=tuple(part.rpartition(":")[2] for part in path),
        description=description,
        kind=KINDS[kind],
        raw_type=kind,
        unit=unit,
        sample=_sample(sample, KINDS[kind]),
        companion=Companion(uris[prefix], name) if prefix else None,
        opcua=OpcUaAddress(node_id=f"nsu=http://vendor.example/;s={place}"),
    )


def _sample(text: str, kind: str) -> bool | float | str | None:
    if kind == "Boolean":
        return text == "true"
    return float(text) if kind in ("Integer", "Number") else text
