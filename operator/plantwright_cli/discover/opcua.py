"""What an OPC UA server offers: connects as a gateway does, walks it, and reads what its variables say of themselves."""

import base64
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pydantic
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIdNames, ObjectIds

from plantwright_api.v1alpha1.signals import OpcUaAddress
from plantwright_api.wire.config import OpcUaSource
from plantwright_cli.discover.candidates import Candidate, Companion, Kind, Limits, Offer
from plantwright_cli.discover.companions import SPECIFICATIONS, STATE_MACHINES
from plantwright_cli.discover.walk import Found, Walked, attributes, within
from plantwright_cli.errors import UserError
from plantwright_gateway.sources.faults import LinkError
from plantwright_gateway.sources.opcua.decode import sample
from plantwright_gateway.sources.opcua.session import Session

NAMESPACES = ua.NodeId(ua.Int32(ObjectIds.Server_NamespaceArray))
KINDS: Final[Mapping[int, Kind]] = {
    1: "Boolean",
    **dict.fromkeys(range(2, 10), "Integer"),
    10: "Number",
    11: "Number",
    12: "String",
    13: "Timestamp",
    21: "String",
    290: "Number",
    294: "Timestamp",
}
"""Number of a built-in type, a Duration or a UtcTime (OPC 10000-6, 5.1.2) -> the contract type it comes nearest to."""
READABLE: Final = 1
LONGEST_SAMPLE: Final = 120
SPARE_SECONDS: Final = 30.0
"""What connecting, the last answer and reading may take besides the walk."""


async def offer(source: OpcUaSource, limits: Limits) -> Offer:
    """What the server offers.

    Raises:
        UserError: it cannot be reached, refuses us, or shows no variable.
    """
    session = Session(source, "plantwright discover")
    try:
        await session.open()
        return await _explore(session, source.url, limits)
    except LinkError as fault:
        raise UserError(f"{source.url}: {fault.reason}: {fault}") from fault
    finally:
        await session.close()


async def _explore(session: Session, url: str, limits: Limits) -> Offer:
    [namespaces] = await session.read([NAMESPACES])
    uris = list(namespaces.Value.Value or []) if namespaces.Value else []
    walked = await within(limits.seconds + SPARE_SECONDS, session, limits)
    variables = list(walked.variables.values())
    facts = await attributes(
        session,
        [v.node_id for v in variables],
        (AttributeIds.DataType, AttributeIds.ValueRank, AttributeIds.Description, AttributeIds.AccessLevel),
    )
    values = await session.read([v.node_id for v in variables])
    told = await _properties(session, variables, [fact[0] for fact in facts])
    machines = await _state_machines(session, walked, uris)
    candidates = [
        candidate
        for variable, fact, value in zip(variables, facts, values, strict=True)
        if (candidate := _candidate(variable, fact, value, told[variable.node_id], uris, machines)) is not None
    ]
    if not candidates:
        why = walked.ended or "check the rights of its user"
        raise UserError(f"{url}: the server shows no variable that can be read; {why}")
    found = {uri for v in variables if (uri := _uri(v.browse_name.NamespaceIndex, uris)) in SPECIFICATIONS}
    found |= {uri for kind in walked.types.values() if (uri := _uri(kind.NamespaceIndex, uris)) in SPECIFICATIONS}
    return Offer(
        "OPCUA",
        url,
        tuple(candidates),
        tuple(filter(None, (walked.ended,))),
        incomplete=bool(walked.ended),
        companions=tuple(sorted(SPECIFICATIONS[uri] for uri in found)),
    )


async def _properties(
    session: Session, variables: Sequence[Found], types: Sequence[Any]
) -> dict[ua.NodeId, dict[str, Any]]:
    """What a variable's describing properties say: name -> value. A type's own enumeration is its variables' too."""
    asked = [(v.node_id, name, node) for v in variables for name, node in v.properties.items()]
    answers = await session.read([node for _, _, node in asked])
    found: dict[ua.NodeId, dict[str, Any]] = {v.node_id: {} for v in variables}
    for (owner, name, _), answer in zip(asked, answers, strict=True):
        if answer.Value is not None and answer.Value.Value is not None:
            found[owner][name] = answer.Value.Value
    definitions = await _enumerations(session, types)
    for variable, kind in zip(variables, types, strict=True):
        if kind in definitions:
            found[variable.node_id].setdefault("Enumeration", definitions[kind])
    return found


async def _enumerations(session: Session, types: Sequence[Any]) -> dict[ua.NodeId, list[tuple[str, str]]]:
    """Codes and names of the data types that are enumerations of the server's own."""
    kinds = [kind for kind in dict.fromkeys(types) if isinstance(kind, ua.NodeId) and kind.NamespaceIndex]
    read = await attributes(session, kinds, (AttributeIds.DataTypeDefinition,))
    return {
        kind: [(str(field.Value), str(field.Name)) for field in definition.Fields]
        for kind, [definition] in zip(kinds, read, strict=True)
        if isinstance(definition, ua.EnumDefinition)
    }


async def _state_machines(session: Session, walked: Walked, uris: Sequence[str]) -> dict[ua.NodeId, Companion]:
    """Objects that are state machines of a companion specification, whatever the vendor calls them."""
    kinds = list(
        dict.fromkeys(kind for kind in walked.types.values() if _uri(kind.NamespaceIndex, uris) in SPECIFICATIONS)
    )
    names = await attributes(session, kinds, (AttributeIds.BrowseName,))
    meant = {
        kind: Companion(uri, STATE_MACHINES[uri, name.Name])
        for kind, [name] in zip(kinds, names, strict=True)
        if name is not None and ((uri := _uri(kind.NamespaceIndex, uris)), name.Name) in STATE_MACHINES
    }
    return {node: meant[kind] for node, kind in walked.types.items() if kind in meant}


def _candidate(
    variable: Found,
    fact: Sequence[Any],
    value: ua.DataValue,
    told: Mapping[str, Any],
    uris: Sequence[str],
    machines: Mapping[ua.NodeId, Companion],
) -> Candidate | None:
    """The variable as a candidate; None for arrays, structures and what cannot be read or addressed."""
    data_type, rank, description, access = fact
    if (rank is not None and rank >= 0) or (access is not None and not access & READABLE):
        return None
    kind, raw_type = _kind(data_type, value)
    address = _address(variable.node_id, uris)
    if kind == "Other" or address is None:
        return None
    name = str(variable.browse_name.Name)
    return Candidate(
        name=name,
        path=variable.path,
        description=_text(description, name),
        kind=kind,
        raw_type=raw_type,
        unit=_unit(told.get("EngineeringUnits")),
        sample=_sample(value),
        codes=_codes(told),
        companion=_companion(variable, name, uris, machines),
        opcua=address,
    )


def _kind(data_type: Any, value: ua.DataValue) -> tuple[Kind, str]:
    """The kind of what the server sent, else of the declared type; "" where neither tells."""
    variant = value.Value
    if variant is not None and variant.Value is not None:
        number = int(variant.VariantType)
        return ("Other" if isinstance(variant.Value, list) else KINDS.get(number, "Other")), variant.VariantType.name
    declared = data_type.Identifier if isinstance(data_type, ua.NodeId) and not data_type.NamespaceIndex else None
    if isinstance(declared, int) and declared in KINDS:
        return KINDS[declared], ObjectIdNames.get(declared, "")
    return "", ""


def _sample(value: ua.DataValue) -> bool | int | float | str | None:
    read = sample("", value, 0).value
    return read[:LONGEST_SAMPLE] if isinstance(read, str) else read


def _text(description: Any, name: str) -> str:
    """What a description adds to the name; many servers only repeat it."""
    text = str(getattr(description, "Text", None) or "")
    return "" if text == name else text


def _unit(information: Any) -> str:
    shown = getattr(information, "DisplayName", None)
    return str(getattr(shown, "Text", None) or "")


def _codes(told: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Names of codes: EnumValues, else EnumStrings, else the data type's own."""
    values, strings = told.get("EnumValues"), told.get("EnumStrings")
    if isinstance(values, list):
        return tuple((str(v.Value), str(v.DisplayName.Text)) for v in values if isinstance(v, ua.EnumValueType))
    if isinstance(strings, list):
        return tuple((str(code), str(text.Text)) for code, text in enumerate(strings))
    return tuple(told.get("Enumeration", ()))


def _companion(
    variable: Found, name: str, uris: Sequence[str], machines: Mapping[ua.NodeId, Companion]
) -> Companion | None:
    if name == "CurrentState" and variable.parent in machines:
        return machines[variable.parent]
    uri = _uri(variable.browse_name.NamespaceIndex, uris)
    return Companion(uri, name) if uri in SPECIFICATIONS else None


def _uri(index: int, uris: Sequence[str]) -> str:
    return uris[index] if 0 <= index < len(uris) else ""


def _address(node_id: ua.NodeId, uris: Sequence[str]) -> OpcUaAddress | None:
    """The NodeId as a profile writes it, with its namespace by URI; None where a profile cannot hold it."""
    uri = _uri(node_id.NamespaceIndex, uris).replace("%", "%25").replace(";", "%3B")
    space = "" if not node_id.NamespaceIndex else f"nsu={uri};" if uri else f"ns={node_id.NamespaceIndex};"
    try:
        return OpcUaAddress(node_id=space + _identifier(node_id.Identifier))
    except pydantic.ValidationError:
        return None


def _identifier(identifier: Any) -> str:
    if isinstance(identifier, bytes):
        return f"b={base64.b64encode(identifier).decode()}"
    if isinstance(identifier, uuid.UUID):
        return f"g={identifier}"
    return f"i={identifier}" if isinstance(identifier, int) else f"s={identifier}"
