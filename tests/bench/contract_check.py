"""What the contract check costs per value, against jsonschema, pydantic and fastjsonschema over the same records.

    python tests/bench/contract_check.py [--write]

Every tool judges every value of a record with all rules of the contract in tests/check/generated_records.py. What a tool
cannot say (names of codes, scaling, rate of change, rules over fields) it gets as plain Python in the hooks it offers, or
around it where it has none. Rounds alternate within one process, so that a slow moment of the machine meets all alike.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal, NamedTuple

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "check"))

import fastjsonschema  # noqa: E402
import jsonschema  # noqa: E402
from generated_records import AS_PYTHON, CODES, CONTRACT, FIELDS, records, signals  # noqa: E402
from pydantic import (  # noqa: E402
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from plantwright_api.wire.config import Buffer, HttpSink, Location, Machine, ModbusSource  # noqa: E402
from plantwright_gateway.app.pipeline import Pipeline  # noqa: E402
from plantwright_gateway.check import ContractRules, compile_contracts  # noqa: E402
from plantwright_gateway.context.kpi import Totals  # noqa: E402
from plantwright_gateway.ports.source import Sample  # noqa: E402

OUT = ROOT / "docs" / "measured" / "contract_check.md"
COUNT, ROUNDS = 1000, 9
SHARES = (0.0, 0.01, 0.05)
"""Share of the values that is broken on purpose."""
AIMS = {"jsonschema": 100, "pydantic": 5, "fastjsonschema": 5}
Record = tuple[dict[str, Any], int]
Judge = Callable[[dict[str, Any], int], set[str]]
"""A raw record and its time in ns in, the fields that break a rule out."""


class Ours:
    """The gateway's check, as its pipeline calls it. `samples` are made before the clock runs: they are what a source gives."""

    def __init__(self) -> None:
        self.checks = {name: signal.check for name, signal in compile_contracts([CONTRACT], signals()).items()}
        self.rules = ContractRules([CONTRACT], signals())

    def __call__(self, samples: Sequence[Sample]) -> list[Any]:
        checks = self.checks
        verdicts = [checks[name](value, time_ns) for name, value, time_ns, _, _ in samples]
        return self.rules.settle(samples, verdicts)


def named(raw: Any) -> Any:
    return CODES.get(str(raw), raw) if type(raw) is int else raw


def scaled(raw: Any, scale: float, offset: float) -> Any:
    return raw * scale + offset if type(raw) in (int, float) else raw


class Tracker:
    """The rate of change of the temperature, as one writes it by hand."""

    def __init__(self) -> None:
        self.value, self.time_ns = 0.0, 0

    def fine(self, value: float, time_ns: int) -> bool:
        if self.time_ns and abs(value - self.value) * 1e9 > 2.5 * (1 + 1e-9) * (time_ns - self.time_ns):
            return False
        self.value, self.time_ns = value, time_ns
        return True


def schema_of(name: str) -> dict[str, Any]:
    """The field as JSON schema."""
    field = next(field for field in FIELDS if field.name == name)
    kinds = {"Integer": "integer", "Number": "number", "String": "string", "Boolean": "boolean"}
    schema: dict[str, Any] = {"type": kinds[field.type]}
    enum = [int(code) for code in field.enum] if field.type == "Integer" else field.enum
    said = {
        "minimum": field.minimum,
        "maximum": field.maximum,
        "minLength": field.min_length,
        "maxLength": field.max_length,
        "pattern": field.pattern,
        "enum": enum or None,
    }
    return schema | {key: value for key, value in said.items() if value is not None}


SCHEMAS = {field.name: schema_of(field.name) for field in FIELDS}


class ByHand:
    """What a JSON schema cannot say, in plain Python around it."""

    def __init__(self, broken: Callable[[dict[str, Any]], set[str]]) -> None:
        self.broken, self.tracker = broken, Tracker()

    def __call__(self, record: dict[str, Any], time_ns: int) -> set[str]:
        values = {
            **record,
            "state": named(record["state"]),
            "temperature": scaled(record["temperature"], 0.1, -40.0),
            "pressure": scaled(record["pressure"], 0.01, 0.0),
        }
        broken = self.broken(values)
        if "temperature" not in broken and not self.tracker.fine(values["temperature"], time_ns):
            broken.add("temperature")
        for rule, holds in AS_PYTHON.items():
            names = RULE_FIELDS[rule]
            if broken.isdisjoint(names) and not holds(*[values[name] for name in names]):
                broken.update(names)
        return broken


RULE_FIELDS = {
    "idleTakesNoPower": ("state", "power"),
    "fewRejects": ("good", "rejected"),
    "doorShutAtSpeed": ("door", "speed"),
}


def by_jsonschema() -> Judge:
    validator = jsonschema.Draft202012Validator({"type": "object", "properties": SCHEMAS, "required": list(SCHEMAS)})
    return ByHand(lambda values: {str(error.path[0]) for error in validator.iter_errors(values)})


def by_fastjsonschema() -> Judge:
    """It stops at the first error, so a record that has one is judged again field by field."""
    whole = fastjsonschema.compile({"type": "object", "properties": SCHEMAS, "required": list(SCHEMAS)})
    single = {name: fastjsonschema.compile(schema) for name, schema in SCHEMAS.items()}

    def broken(values: dict[str, Any]) -> set[str]:
        try:
            whole(values)
        except fastjsonschema.JsonSchemaValueException:
            return {name for name, value in values.items() if _fails(single[name], value)}
        return set()

    return ByHand(broken)


def _fails(validate: Callable[[Any], Any], value: Any) -> bool:
    try:
        validate(value)
    except fastjsonschema.JsonSchemaValueException:
        return True
    return False


def by_pydantic() -> Judge:
    def paced(value: float, info: ValidationInfo) -> float:
        tracker, time_ns = info.context  # type: ignore[misc]
        if not tracker.fine(value, time_ns):
            raise ValueError("changes too fast")
        return value

    class Model(BaseModel):
        model_config = ConfigDict(strict=True)
        sequence: Annotated[int, Field(ge=0, le=4294967295)]
        state: Annotated[Literal["Idle", "Production", "Setup"], BeforeValidator(named)]
        mode: Literal["Auto", "Manual"]
        power: Annotated[float, Field(ge=0, le=250, allow_inf_nan=False)]
        speed: Annotated[float, Field(ge=0, le=6000, allow_inf_nan=False)]
        temperature: Annotated[
            float,
            Field(ge=-20, le=90, allow_inf_nan=False),
            BeforeValidator(lambda raw: scaled(raw, 0.1, -40.0)),
            AfterValidator(paced),
        ]
        pressure: Annotated[
            float, Field(ge=0, le=80, allow_inf_nan=False), BeforeValidator(lambda raw: scaled(raw, 0.01, 0.0))
        ]
        good: Annotated[int, Field(ge=0)]
        rejected: Annotated[int, Field(ge=0, le=100000)]
        program: Annotated[str, Field(min_length=3, max_length=24)]
        serial: Annotated[str, Field(max_length=16, pattern="^[A-Z]{2}-[0-9]{4,8}$")]
        door: bool
        tool: Literal[1, 2, 5, 12]

        @model_validator(mode="after")
        def across(self) -> "Model":
            for rule, holds in AS_PYTHON.items():
                if not holds(*[getattr(self, name) for name in RULE_FIELDS[rule]]):
                    raise ValueError(rule)
            return self

    tracker = Tracker()

    def judge(record: dict[str, Any], time_ns: int) -> set[str]:
        try:
            Model.model_validate(record, context=(tracker, time_ns))
        except ValidationError as error:
            return {str(each["loc"][0] if each["loc"] else each["msg"]) for each in error.errors(include_url=False)}
        return set()

    return judge


OTHERS: Mapping[str, Callable[[], Judge]] = {
    "jsonschema": by_jsonschema,
    "pydantic": by_pydantic,
    "fastjsonschema": by_fastjsonschema,
}


class Cost(NamedTuple):
    """Nanoseconds per value of each round."""

    rounds: list[float]

    def __str__(self) -> str:
        return f"{median(self.rounds):.0f} ({min(self.rounds):.0f} to {max(self.rounds):.0f})"


def readable(count: int, share: float) -> list[Record]:
    """Records whose broken values are readable: what NaN or half a surrogate is, only the gateway's check knows."""
    broken = ((record, at) for record, at in records(count * 4, seed=11, bad=share) if _can_be_said(record))
    return [found for found, _ in zip(broken, range(count), strict=False)]


def _can_be_said(record: dict[str, Any]) -> bool:
    kinds = {"Integer": int, "Number": (int, float), "String": str, "Boolean": bool}
    raw = {"state": int}
    typed = all(isinstance(record[f.name], raw.get(f.name, kinds[f.type])) for f in FIELDS)
    return typed and all(
        value == value and abs(value) < 1e18 for value in record.values() if type(value) in (int, float)
    )


def measure(share: float) -> dict[str, Cost]:
    """The cost of each tool, rounds alternating."""
    found = readable(COUNT, share)
    samples = [[Sample(name, value, at) for name, value in record.items()] for record, at in found]
    values = sum(map(len, samples))
    costs: dict[str, Cost] = {name: Cost([]) for name in ("ours", *OTHERS)}
    for _ in range(ROUNDS):
        ours = Ours()
        costs["ours"].rounds.append(timed(lambda: [ours(each) for each in samples], values))  # noqa: B023
        for name, make in OTHERS.items():
            judge = make()
            subset = found[: COUNT // 10] if name == "jsonschema" else found
            cost = timed(lambda: [judge(record, at) for record, at in subset], values * len(subset) // len(found))  # noqa: B023
            costs[name].rounds.append(cost)
    return costs


def timed(run: Callable[[], object], values: int) -> float:
    began = time.perf_counter_ns()
    run()
    return (time.perf_counter_ns() - began) / values


def pipeline_cost(share: float) -> tuple[float, float]:
    """ns per value of the gateway's whole way from sample to stored event (without disk and network), and of the check in it."""
    samples = [[Sample(name, value, at) for name, value in record.items()] for record, at in readable(COUNT, share)]
    values = sum(map(len, samples))
    whole, check = [], []
    for _ in range(ROUNDS):
        ours, pipeline = Ours(), Pipeline(machine(), "0" * 16, "0")
        kpis = pipeline.kpis(Totals(at_ns=0))
        check.append(timed(lambda: [ours(each) for each in samples], values))  # noqa: B023
        whole.append(timed(lambda: [pipeline.process(each, (), each[0].source_ns, kpis) for each in samples], values))  # noqa: B023
    return median(whole), median(check)


def machine() -> Machine:
    return Machine(
        uid="u",
        name="m",
        namespace="n",
        plant="p",
        location=Location(enterprise="e", site="s", area="a", line="l"),
        source=ModbusSource(host="192.0.2.1"),
        contracts=[CONTRACT],
        signals=signals(),
        sinks=[HttpSink(name="central", url="http://192.0.2.2")],
        buffer=Buffer(path="unused", max_bytes=1),
    )


def agreement() -> dict[str, float]:
    """The share of records, of those without a rule over several values at work, on which a tool and ours agree."""
    found = [(record, at) for record, at in readable(COUNT, 0.02)]
    same = dict.fromkeys(OTHERS, 0)
    judges, ours, counted = {name: make() for name, make in OTHERS.items()}, Ours(), 0
    for record, at in found:
        settled = ours([Sample(name, value, at) for name, value in record.items()])
        reasons = {name: each.flag or each.refused for name, each in zip(record, settled, strict=True)}
        theirs = {name: judge(record, at) for name, judge in judges.items()}
        if any(reason == "Blocked" or "Rule" in reason for reason in reasons.values()):
            continue
        counted += 1
        expected = {name for name, reason in reasons.items() if reason}
        for name in OTHERS:
            same[name] += theirs[name] == expected
    return {name: count / counted for name, count in same.items()}


def report() -> str:
    agreed = agreement()
    lines = [
        "# The contract check, per value",
        "",
        f"`python tests/bench/contract_check.py --write`, {datetime.now(UTC):%Y-%m-%d %H:%MZ}, {os.cpu_count()} cores, "
        f"Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}.",
        f"{COUNT} records of {len(FIELDS)} values over all rule types, {ROUNDS} alternating rounds; ns per value, median "
        "(lowest to highest); ratios are medians of the rounds' ratios.",
        "",
        "| broken values | tool | ns per value | ratio to ours | aimed at | met | records judged as ours |",
        "|---|---|---|---|---|---|---|",
    ]
    for share in SHARES:
        costs = measure(share)
        lines.append(f"| {share:.0%} | the gateway's check | {costs['ours']} | 1 | | | |")
        for name, aim in AIMS.items():
            ratios = [theirs / ours for theirs, ours in zip(costs[name].rounds, costs["ours"].rounds, strict=True)]
            found = f"{median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
            met = "yes" if median(ratios) >= aim else "no"
            lines.append(f"| {share:.0%} | {name} | {costs[name]} | {found} | ≥ {aim} | {met} | {agreed[name]:.1%} |")
    whole, check = pipeline_cost(0.01)
    lines += [
        "",
        f"In the gateway: {check:.0f} of the {whole:.0f} ns that a value takes from sample to event, before disk and network; "
        f"at 10,000 values/s the check takes {check / 1e3:.2f} % of a core.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    text = report()
    print(text)
    if "--write" in sys.argv:
        OUT.write_text(text, encoding="utf-8")
