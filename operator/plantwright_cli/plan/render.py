"""A plan as text for a terminal, as Markdown for a pull request, as JSON for a program."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from plantwright_cli.plan.effects import ContractEffect, Plan, PlantPlan
from plantwright_cli.plan.policies import PolicyEffect, Turned
from plantwright_cli.wording import cell, change_json, count

Output = Literal["text", "markdown", "json"]
SHOWN = 20
"""Machines and changes that a person reads of one plant; JSON has them all."""


def headline(plan: Plan) -> str:
    """The plan in one sentence."""
    if not plan.plants and not plan.policies and not plan.shared:
        return "No plant is touched."
    tally = ", ".join(f"{count} {effect.value.lower()}" for effect, count in plan.tally().items()) or "none"
    verdict = "BREAKING" if plan.breaking else "additive"
    touched = f"{verdict}: {count(len(plan.plants), 'plant')} touched, {plan.untouched} untouched; machines: {tally}"
    return f"{touched}{_policy_tally(plan)}."


def _policy_tally(plan: Plan) -> str:
    verdicts = plan.verdicts()
    if not plan.policies and not verdicts:
        return ""
    refused = sum(verdict.breaking for verdict in verdicts)
    changed = f"{len(plan.policies)} changed, " if plan.policies else ""
    return f"; policies: {changed}{count(len(verdicts), 'verdict')} turned, {refused} newly refused"


def text(plan: Plan) -> str:
    """Indented lines."""
    shared = [f"  {line}" for line in _verdict_lines(plan.shared)]
    heading = ["", "shared by plants", *shared] if shared else []
    plants = (line for plant in plan.plants for line in _plant_text(plant))
    return "\n".join([headline(plan), *map(_policy_line, plan.policies), *heading, *plants])


def markdown(plan: Plan) -> str:
    """A comment for a pull request; long plants are folded."""
    changed = [f"- {_policy_line(effect)}" for effect in plan.policies]
    shared = _verdict_table(plan.shared)
    heading = ["\n### shared by plants", *shared] if plan.shared else []
    plants = (line for plant in plan.plants for line in _plant_markdown(plant))
    return "\n".join([f"**{headline(plan)}**", *([""] if changed else []), *changed, *heading, *plants, ""])


def as_json(plan: Plan) -> str:
    """All of it, by the names of the API."""
    found = {
        "breaking": plan.breaking,
        "untouchedPlants": plan.untouched,
        "machines": {effect.value: count for effect, count in plan.tally().items()},
        "policies": [effect._asdict() for effect in plan.policies],
        "verdicts": [_verdict_json(verdict) for verdict in plan.shared],
        "plants": [_plant_json(plant) for plant in plan.plants],
    }
    return json.dumps(found, indent=2)


RENDERERS: Mapping[Output, Callable[[Plan], str]] = {"text": text, "markdown": markdown, "json": as_json}


def _plant_text(plant: PlantPlan) -> Iterator[str]:
    yield ""
    yield f"{plant.plant}{'  BREAKING' if plant.breaking else ''}"
    for contract in plant.contracts:
        yield f"  contract {_contract_line(contract)}"
        yield from (f"    {line}" for line in _change_lines(contract))
        yield from [f"    breaks {', '.join(contract.consumers)}"] if contract.consumers else []
    yield from (f"  {line}" for line in _verdict_lines(plant.verdicts))
    for machine in plant.machines[:SHOWN]:
        yield f"  {machine.effect.value:<10} {machine.machine}{'  ' if machine.detail else ''}{machine.detail}"
    if more := len(plant.machines) - SHOWN:
        yield from [f"  and {more} more machines"] if more > 0 else []


def _plant_markdown(plant: PlantPlan) -> Iterator[str]:
    yield f"\n### {plant.plant}{' — breaking' if plant.breaking else ''}\n"
    for contract in plant.contracts:
        yield f"- contract {_contract_line(contract)}"
        yield from (f"  - {line}" for line in _change_lines(contract))
        yield from [f"  - **breaks {', '.join(contract.consumers)}**"] if contract.consumers else []
    yield from _verdict_table(plant.verdicts)
    if plant.machines:
        yield f"\n<details><summary>{count(len(plant.machines), 'machine')}</summary>\n"
        yield "| machine | effect | |\n|---|---|---|"
        yield from (f"| {m.machine} | {m.effect.value} | {cell(m.detail)} |" for m in plant.machines)
        yield "\n</details>"


def _policy_line(effect: PolicyEffect) -> str:
    broken = f"; it cannot be used: {effect.broken}" if effect.broken else ""
    return f"policy {effect.policy} {effect.change.lower()}{broken}"


def _verdict_lines(verdicts: Sequence[Turned]) -> Iterator[str]:
    for v in verdicts[:SHOWN]:
        message = f": {v.message}" if v.message else ""
        yield f"policy {_rule(v)} ({v.mode}): {v.kind} {v.name.name} {v.before} → {v.after}{message}"
    if more := len(verdicts) - SHOWN:
        yield from [f"and {more} more verdicts"] if more > 0 else []


def _verdict_table(verdicts: Sequence[Turned]) -> Iterator[str]:
    if not verdicts:
        return
    yield f"\n<details><summary>{count(len(verdicts), 'verdict')} of policies</summary>\n"
    yield "| rule | mode | object | before | after | |\n|---|---|---|---|---|---|"
    for v in verdicts:
        after = f"**{v.after}**" if v.breaking else v.after
        yield f"| {_rule(v)} | {v.mode} | {v.kind} {v.name} | {v.before} | {after} | {cell(v.message)} |"
    yield "\n</details>"


def _rule(verdict: Turned) -> str:
    return f"{verdict.policy}/{verdict.rule}" if verdict.rule else verdict.policy


def _verdict_json(verdict: Turned) -> dict[str, Any]:
    named = {"namespace": verdict.name.namespace, "name": verdict.name.name}
    left = {key: value for key, value in verdict._asdict().items() if key not in ("plant", "name")}
    return named | left


def _contract_line(contract: ContractEffect) -> str:
    kind = "breaking" if contract.breaking else "additive"
    machines = count(len(contract.machines), "machine")
    return f"{contract.contract} {contract.before} → {contract.after}: {kind}, {machines}"


def _change_lines(contract: ContractEffect) -> list[str]:
    lines = [
        f"{change.path}: {_shown(change.before)} → {_shown(change.after)} "
        f"({change.judgement.consumer} for consumers, {change.judgement.producer} for machines: {change.judgement.why})"
        for change in contract.changes
    ]
    return [*lines[:SHOWN], *([f"and {len(lines) - SHOWN} more changes"] if len(lines) > SHOWN else [])]


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plant_json(plant: PlantPlan) -> dict[str, Any]:
    return {
        "plant": plant.plant,
        "breaking": plant.breaking,
        "machines": [{"name": m.machine, "effect": m.effect.value, "detail": m.detail} for m in plant.machines],
        "verdicts": [_verdict_json(verdict) for verdict in plant.verdicts],
        "contracts": [
            {
                "name": c.contract,
                "before": c.before,
                "after": c.after,
                "breaking": c.breaking,
                "machines": list(c.machines),
                "consumers": list(c.consumers),
                "changes": [change_json(change) for change in c.changes],
            }
            for c in plant.contracts
        ],
    }
