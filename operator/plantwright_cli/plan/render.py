"""A plan as text for a terminal, as Markdown for a pull request, as JSON for a program."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from plantwright_cli.plan.effects import ContractEffect, Plan, PlantPlan
from plantwright_cli.wording import cell, change_json, count

Output = Literal["text", "markdown", "json"]
SHOWN = 20
"""Machines and changes that a person reads of one plant; JSON has them all."""


def headline(plan: Plan) -> str:
    """The plan in one sentence."""
    if not plan.plants:
        return "No plant is touched."
    tally = ", ".join(f"{count} {effect.value.lower()}" for effect, count in plan.tally().items()) or "none"
    verdict = "BREAKING" if plan.breaking else "additive"
    return f"{verdict}: {count(len(plan.plants), 'plant')} touched, {plan.untouched} untouched; machines: {tally}."


def text(plan: Plan) -> str:
    """Indented lines."""
    return "\n".join([headline(plan), *(line for plant in plan.plants for line in _plant_text(plant))])


def markdown(plan: Plan) -> str:
    """A comment for a pull request; long plants are folded."""
    return "\n".join([f"**{headline(plan)}**", *(line for plant in plan.plants for line in _plant_markdown(plant)), ""])


def as_json(plan: Plan) -> str:
    """All of it, by the names of the API."""
    found = {
        "breaking": plan.breaking,
        "untouchedPlants": plan.untouched,
        "machines": {effect.value: count for effect, count in plan.tally().items()},
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
    if plant.machines:
        yield f"\n<details><summary>{count(len(plant.machines), 'machine')}</summary>\n"
        yield "| machine | effect | |\n|---|---|---|"
        yield from (f"| {m.machine} | {m.effect.value} | {cell(m.detail)} |" for m in plant.machines)
        yield "\n</details>"


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
