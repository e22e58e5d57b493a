"""DataContract spec → ODCS document. Pure: a spec goes in; the document and the list of what it cannot say come out.

What the standard has no words for travels as custom properties or custom rules, so that it comes back on import; it is listed
all the same, since other programs do not act on it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from plantwright_cli.odcs import vocabulary
from plantwright_cli.odcs.ledger import Loss, shown
from plantwright_cli.odcs.numbers import number_of

Spec = Mapping[str, Any]

AS_CUSTOM = "kept as a custom property, on which only programs that know it act"
AS_RULE = f"kept as a custom rule of engine {vocabulary.RULE_ENGINE}, on which only programs that know it act"


class Meta(NamedTuple):
    """What the object knows besides its spec: its name, and the id of the document it was once imported from."""

    name: str
    id: str | None = None


def export_odcs(spec: Spec, meta: Meta) -> tuple[dict[str, Any], list[Loss]]:
    """Translate one contract.

    Args:
        spec: the spec as JSON in the API's names, absent parts left out.
        meta: the object's name and remembered id.
    """
    family = spec.get("name") or meta.name
    losses: list[Loss] = []
    document: dict[str, Any] = {
        "apiVersion": vocabulary.API_VERSION,
        "kind": "DataContract",
        "id": meta.id or str(uuid5(NAMESPACE_URL, f"https://plantwright.io/datacontracts/{family}")),
        "name": family,
        "version": spec["version"],
        "status": vocabulary.STATUSES[spec.get("lifecycle", "Draft")],
    }
    if spec.get("description"):
        document["description"] = {"purpose": spec["description"]}
    document["schema"] = [_object(family, spec, losses)]
    document |= _owner(spec.get("owner") or {})
    document["slaProperties"] = [*_latencies(family, spec), *_retention(spec)]
    ours = {name: spec[name] for name in vocabulary.OURS if spec.get(name)} | _class_of_the_whole(spec)
    if ours:
        document["customProperties"] = [_custom(name, value) for name, value in ours.items()]
        losses += [Loss(name, shown(value), AS_CUSTOM) for name, value in ours.items()]
    return document, losses


def _object(family: str, spec: Spec, losses: list[Loss]) -> dict[str, Any]:
    class_ = str(spec.get("classification", "Internal"))
    made: dict[str, Any] = {
        "name": family,
        "logicalType": "object",
        "properties": [_property(field, class_, losses) for field in spec["fields"]],
    }
    rules = [_rule(rule, losses) for rule in spec.get("rules") or ()]
    return made | ({"quality": rules} if rules else {})


def _property(field: Spec, class_: str, losses: list[Loss]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": field["name"], "logicalType": vocabulary.LOGICAL_TYPES[field["type"]]}
    if field.get("description"):
        made["description"] = field["description"]
    if field.get("required"):
        made["required"] = True
    made["classification"] = str(field.get("classification", class_)).lower()
    options = _options(field)
    made |= {"logicalTypeOptions": options} if options else {}
    if field.get("enum"):
        numeric = field["type"] in ("Integer", "Number")
        made["enum"] = [{"value": number_of(value) if numeric else value} for value in field["enum"]]
    if field.get("semanticId"):
        made["authoritativeDefinitions"] = [{"type": vocabulary.MEANING, "url": field["semanticId"]}]
    customs = _customs(field, losses)
    return made | ({"customProperties": customs} if customs else {})


def _options(field: Spec) -> dict[str, Any]:
    limits = {key: number_of(field[key]) for key in ("minimum", "maximum") if field.get(key) is not None}
    return limits | {key: field[key] for key in ("minLength", "maxLength", "pattern") if field.get(key) is not None}


def _customs(field: Spec, losses: list[Loss]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    if field.get("unit"):
        made.append({"property": "unit", "value": field["unit"]})
    if field.get("onViolation", "Flag") != "Flag":
        made.append(_custom("onViolation", field["onViolation"]))
    if field.get("pseudonymise"):
        made.append(_custom("pseudonymise", True))
    if field.get("actions"):
        made.append(_custom("actions", [dict(action) for action in field["actions"]]))
    if field.get("maxChangePerSecond"):
        made.append(_custom("maxChangePerSecond", number_of(field["maxChangePerSecond"])))
    for custom in made:
        path = f"fields[{field['name']}].{custom['property']}"
        losses.append(Loss(path, shown(field[custom["property"]]), AS_CUSTOM))
    return made


def _rule(rule: Spec, losses: list[Loss]) -> dict[str, Any]:
    losses.append(Loss(f"rules[{rule['name']}]", shown(rule["expression"]), AS_RULE))
    made: dict[str, Any] = {
        "name": rule["name"],
        "type": "custom",
        "engine": vocabulary.RULE_ENGINE,
        "implementation": rule["expression"],
        "description": rule["message"],
    }
    if rule.get("onViolation", "Flag") != "Flag":
        made["customProperties"] = [_custom("onViolation", rule["onViolation"])]
    return made


def _owner(owner: Spec) -> dict[str, Any]:
    if not owner:
        return {}
    team: dict[str, Any] = {"name": owner["team"]}
    if owner.get("steward"):
        team["members"] = [{"username": owner["steward"], "role": vocabulary.STEWARD}]
    return {"team": team} | ({"support": [{"channel": owner["contact"]}]} if owner.get("contact") else {})


def _latencies(family: str, spec: Spec) -> list[dict[str, Any]]:
    levels = [{"property": "latency", "value": spec.get("freshnessSeconds", 30), "unit": "s"}]
    return levels + [
        {"property": "latency", "value": field["freshnessSeconds"], "unit": "s", "element": f"{family}.{field['name']}"}
        for field in spec["fields"]
        if field.get("freshnessSeconds")
    ]


def _retention(spec: Spec) -> list[dict[str, Any]]:
    days = spec.get("retentionDays")
    return [{"property": "retention", "value": days, "unit": "d"}] if days else []


def _class_of_the_whole(spec: Spec) -> dict[str, Any]:
    """The standard classifies properties alone: what holds for those that say nothing is lost once one says otherwise."""
    class_ = spec.get("classification", "Internal")
    differs = any(field.get("classification", class_) != class_ for field in spec["fields"])
    return {"classification": class_} if differs else {}


def _custom(name: str, value: Any) -> dict[str, Any]:
    return {"property": name, "value": value, "vendor": vocabulary.VENDOR}
