"""The MachineProfile of a set of proposals: a draft to review, held to our models and to the operator's own judgement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plantwright_api.v1alpha1 import DataContract, MachineProfile
from plantwright_api.v1alpha1.datacontract import ContractField
from plantwright_cli.discover import codes, interpreting, units
from plantwright_cli.discover.candidates import Candidate, Offer
from plantwright_cli.discover.proposals import Proposal
from plantwright_operator.decide import catalog
from plantwright_operator.model import Refusal


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted proposal as a signal of the profile.

    `held_back` says why it must not be written yet, "" where it may; `notes` are for the reviewer; `named` is the table
    that its codes are from.
    """

    proposal: Proposal
    candidate: Candidate
    signal: dict[str, Any]
    notes: tuple[str, ...] = ()
    held_back: str = ""
    named: interpreting.Named | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A profile to review. `body` is None where there is no signal to write; `refusal` is the operator's verdict on it;
    `models` are the parts of it that interpret signals."""

    entries: tuple[Entry, ...]
    body: dict[str, Any] | None
    refusal: Refusal | None
    models: tuple[interpreting.Model, ...] = ()


def draft(
    name: str,
    offer: Offer,
    contracts: Sequence[DataContract],
    proposals: Sequence[Proposal],
    named: Mapping[str, Mapping[str, str]],
) -> Draft:
    """The draft. `named` gives field -> code -> name where the user told what codes mean."""
    entries: list[Entry] = []
    for proposal in proposals:
        if proposal.accepted and proposal.best is not None:
            candidate = offer.candidates[proposal.best.candidate]
            taken = {entry.signal["name"] for entry in entries}
            entries.append(_entry(proposal, candidate, contracts[0], taken, named.get(proposal.field.name)))
    written = [entry for entry in entries if not entry.held_back]
    body = _body(name, offer, contracts, [entry.signal for entry in written])
    if body is None:
        return Draft(tuple(entries), None, None)
    filled = [interpreting.Filled(e.signal, e.proposal.field, e.candidate, e.named) for e in written]
    found = tuple(
        model for made in (interpreting.state(filled), interpreting.parts(filled)) if (model := made) is not None
    )
    body["spec"] |= {model.name: model.value for model in found}
    return Draft(tuple(entries), body, _judge(body, contracts), found)


def _entry(
    proposal: Proposal,
    candidate: Candidate,
    first: DataContract,
    taken: set[str],
    named: Mapping[str, str] | None,
) -> Entry:
    field, family = proposal.field, proposal.contract.family()
    signal: dict[str, Any] = {"name": field.name if field.name not in taken else _other_name(family, field.name)}
    if signal["name"] != field.name:
        signal["field"] = field.name
    if family != first.family():
        signal["contract"] = family
    notes = _add_conversion(signal, field, candidate)
    meaning, table = _meaning(field, candidate, named)
    signal |= meaning | _address(candidate)
    if candidate.description:
        signal["description"] = candidate.description[:1024]
    left = () if table is not None else _code_notes(field, candidate, named)
    return Entry(proposal, candidate, signal, (*notes, *left), _held(field, candidate, meaning), table)


def _meaning(
    field: ContractField, candidate: Candidate, named: Mapping[str, str] | None
) -> tuple[dict[str, Any], interpreting.Named | None]:
    """What the signal says of its codes, and the table that it is from: as the user told it, by a standard's table, or as the
    machine lists it."""
    if named:
        return {"values": [{"value": v, "name": n} for v, n in named.items()]}, None
    table = interpreting.table_of(candidate) if field.type == "String" else None
    by_table = interpreting.values(field, table) if table is not None else {}
    if by_table:
        return by_table, table
    listed = codes.values(field, candidate) if field.enum else []
    return ({"values": listed} if listed else {}), None


def _other_name(family: str, field: str) -> str:
    """Two contracts may have a field of the same name, and a profile has one signal of each name."""
    return f"{field}_{''.join(c if c.isalnum() else '_' for c in family)}"[:63].rstrip("_")


def _add_conversion(signal: dict[str, Any], field: ContractField, candidate: Candidate) -> tuple[str, ...]:
    if candidate.scale is not None:
        signal["scale"] = candidate.scale
    if candidate.offset is not None:
        signal["offset"] = candidate.offset
    if field.unit is None:
        return ()
    code = units.code_of(candidate.unit)
    if candidate.unit and code is None:
        return (f"the machine's unit {candidate.unit!r} is unknown here; see that it is {field.unit}",)
    signal["unit"] = code or field.unit
    return () if code else (f"the machine names no unit; {field.unit} is assumed",)


def _code_notes(field: ContractField, candidate: Candidate, named: Mapping[str, str] | None) -> tuple[str, ...]:
    left = codes.unnamed(field, candidate) if field.enum and not named else []
    return (f"codes without a name in the contract: {', '.join(left)}",) if left else ()


def _held(field: ContractField, candidate: Candidate, meaning: Mapping[str, Any]) -> str:
    """A code without its meaning is no value of the contract."""
    if not field.enum or field.type != "String" or meaning:
        return ""
    if candidate.kind == "String" and (candidate.sample is None or candidate.sample in field.enum):
        return ""
    example = ",".join(f"{code}:{name}" for code, name in enumerate(field.enum[:4]))
    return f"what its codes mean is not known; say it, such as --codes {field.name}={example}"


def _address(candidate: Candidate) -> dict[str, Any]:
    if candidate.opcua is not None:
        return {"opcua": candidate.opcua.model_dump(by_alias=True)}
    if candidate.modbus is None:
        return {}
    return {
        "modbus": candidate.modbus.model_dump(by_alias=True, exclude_defaults=True)
        | {"address": candidate.modbus.address}
    }


def _body(
    name: str, offer: Offer, contracts: Sequence[DataContract], signals: list[dict[str, Any]]
) -> dict[str, Any] | None:
    if not signals:
        return None
    namespace = contracts[0].metadata.namespace
    refs = [{"name": c.family(), "version": "^" + c.spec.version.rpartition(".")[0]} for c in contracts]
    used = {s.get("contract", contracts[0].family()) for s in signals}
    return {
        "apiVersion": "plantwright.io/v1alpha1",
        "kind": "MachineProfile",
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "spec": {
            "name": name,
            "version": "0.1.0",
            "lifecycle": "Draft",
            "protocol": offer.protocol,
            "contractRefs": [ref for i, ref in enumerate(refs) if i == 0 or ref["name"] in used],
            "signals": signals,
        },
    }


def _judge(body: dict[str, Any], contracts: Sequence[DataContract]) -> Refusal | None:
    """What the operator would say of the profile."""
    profile = MachineProfile.model_validate(body)
    return catalog.judge_profile(profile, contracts, sorted({c.metadata.namespace for c in contracts}))
