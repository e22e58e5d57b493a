"""What the contract check costs per value, against jsonschema, pydantic and fastjsonschema over the same records.

    python tests/bench/contract_check.py [--write]

Every tool judges every value of a record with all rules of the contract in tests/check/generated_records.py, in its own best
form. What a tool cannot say (names of codes, scaling, rate of change, rules over fields) it gets as plain Python in the hooks
it offers, or around it where it has none. Rounds alternate within one process, so that a slow moment of the machine meets all
alike. Ours is what the gateway's pipeline calls, and so are the samples that it gets.
"""

import gc
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
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    with_config,
)
from typing_extensions import TypedDict  # noqa: E402

from plantwright_api.wire.config import Buffer, HttpSink, Location, Machine, ModbusSource  # noqa: E402
from plantwright_gateway.app.pipeline import Pipeline  # noqa: E402
from plantwright_gateway.check import Fine, Verdict  # noqa: E402
from plantwright_gateway.check.records import SEEN_BEFORE  # noqa: E402
from plantwright_gateway.context.kpi import Totals  # noqa: E402
from plantwright_gateway.context.situation import Situation  # noqa: E402
from plantwright_gateway.ports.source import Sample  # noqa: E402

OUT = ROOT / "docs" / "measured" / "contract_check.md"
COUNT, ROUNDS = 1000, 9
SHARES = (0.0, 0.01, 0.05)
"""Share of the values that is broken on purpose."""
AIMS = {"jsonschema": 100, "pydantic": 5, "fastjsonschema": 5}
Record = tuple[dict[str, Any], int]
Columns = tuple[Sequence[Sample], tuple[str, ...], tuple[Any, ...], tuple[int, ...]]
"""Samples, and their names, values and times."""
Judge = Callable[[dict[str, Any], int], set[str]]
"""A raw record and its time in ns in, the fields that break a rule out."""


class Ours:
    """The gateway's check. What is learnt in its first records is learnt before the clock runs."""

    def __init__(self, seen: Sequence[Sequence[Sample]]) -> None:
        self.pipeline = Pipeline(machine(), "0" * 16, "0")
        for samples in [*seen[:1]] * SEEN_BEFORE:
            self.pipeline._judged(samples)

    def of_record(self, columns: Columns) -> Any:
        """As the pipeline calls it."""
        samples, names, values, times = columns
        return self.pipeline.records.judge(samples, names, values, times)

    def of_samples(self, samples: Sequence[Sample]) -> Any:
        """What the pipeline does to judge what a source gave: columns of the samples, their quality, and the check."""
        return self.pipeline._judged(samples)

    def verdicts(self, samples: Sequence[Sample]) -> list[Verdict]:
        judged = self.of_samples(samples)
        return judged.verdicts() if isinstance(judged, Fine) else judged


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
        if broken or not rules_hold(values):
            for rule, holds in AS_PYTHON.items():
                names = RULE_FIELDS[rule]
                if broken.isdisjoint(names) and not holds(*[values[name] for name in names]):
                    broken.update(names)
        return broken


def rules_hold(values: Mapping[str, Any]) -> bool:
    """The three rules over several fields, as one writes them by hand where all fields are fine."""
    good = values["good"]
    return (
        (values["state"] != "Idle" or values["power"] < 20.0)
        and (good == 0 or values["rejected"] / good < 0.5)
        and (not values["door"] or values["speed"] <= 600.0)
    )


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
    """A TypedDict, which it judges faster than a model; one hook of Python per field that needs one."""

    def warmth(raw: float, info: ValidationInfo) -> float:
        tracker, time_ns = info.context  # type: ignore[misc]
        value = raw * 0.1 - 40.0
        if not -20.0 <= value <= 90.0 or not tracker.fine(value, time_ns):
            raise ValueError("out of range or too fast")
        return value

    def pressure(raw: float) -> float:
        value = raw * 0.01
        if not 0.0 <= value <= 80.0:
            raise ValueError("out of range")
        return value

    def across(values: Any) -> Any:
        if not rules_hold(values):
            raise ValueError("a rule")
        return values

    number = {"allow_inf_nan": False}
    typed: Any = {
        "sequence": Annotated[int, Field(ge=0, le=4294967295)],
        "state": Annotated[
            Literal[0, 1, 2], AfterValidator({int(code): name for code, name in CODES.items()}.__getitem__)
        ],
        "mode": Literal["Auto", "Manual"],
        "power": Annotated[float, Field(ge=0, le=250, **number)],
        "speed": Annotated[float, Field(ge=0, le=6000, **number)],
        "temperature": Annotated[float, Field(**number), AfterValidator(warmth)],
        "pressure": Annotated[float, Field(**number), AfterValidator(pressure)],
        "good": Annotated[int, Field(ge=0)],
        "rejected": Annotated[int, Field(ge=0, le=100000)],
        "program": Annotated[str, Field(min_length=3, max_length=24)],
        "serial": Annotated[str, Field(max_length=16, pattern="^[A-Z]{2}-[0-9]{4,8}$")],
        "door": bool,
        "tool": Literal[1, 2, 5, 12],
    }
    shape = with_config(ConfigDict(strict=True))(TypedDict("Shape", typed))
    validate = TypeAdapter(Annotated[shape, AfterValidator(across)]).validate_python
    tracker = Tracker()

    def judge(record: dict[str, Any], time_ns: int) -> set[str]:
        try:
            validate(record, context=(tracker, time_ns))
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
    kinds = {"Integer": (int,), "Number": (int, float), "String": (str,), "Boolean": (bool,)}
    raw = {"state": (int,)}
    typed = all(type(record[f.name]) in raw.get(f.name, kinds[f.type]) for f in FIELDS)
    return typed and all(
        value == value and abs(value) < 1e18 for value in record.values() if type(value) in (int, float)
    )


def measure(share: float) -> dict[str, Cost]:
    """The cost of each tool, rounds alternating: over its own form of a record, and (`+`) from samples on."""
    found = readable(COUNT, share)
    samples = [sampled(record, at) for record, at in found]
    columns = [(each, *tuple(zip(*each, strict=True))[:3]) for each in samples]
    costs = {name + more: Cost([]) for more in ("", "+") for name in ("ours", *OTHERS)}
    for _ in range(ROUNDS):
        costs["ours"].rounds.append(timed(Ours(samples).of_record, columns))
        costs["ours+"].rounds.append(timed(Ours(samples).of_samples, samples))
        for name, make in OTHERS.items():
            count = COUNT // 10 if name == "jsonschema" else COUNT
            costs[name].rounds.append(timed(whole(make()), found[:count]))
            costs[name + "+"].rounds.append(timed(from_samples(make()), samples[:count]))
    return costs


def sampled(record: dict[str, Any], at: int) -> list[Sample]:
    return [Sample(name, value, at) for name, value in record.items()]


def whole(judge: Judge) -> Callable[[Record], set[str]]:
    return lambda each: judge(*each)


def from_samples(judge: Judge) -> Callable[[Sequence[Sample]], set[str]]:
    """What one must do to give another tool what a source gave: quality looked at, and a dict made."""

    def run(samples: Sequence[Sample]) -> set[str]:
        names, values, times, qualities, _ = zip(*samples, strict=True)
        if qualities.count("Good") < len(qualities):
            raise ValueError("not one of these records")
        return judge(dict(zip(names, values, strict=True)), times[0])

    return run


def timed(run: Callable[[Any], object], records: Sequence[Any]) -> float:
    """ns of CPU per value of running it over the records; the collector of garbage has its turn between the rounds."""
    gc.collect()
    began = time.thread_time_ns()
    for each in records:
        run(each)
    return (time.thread_time_ns() - began) / (len(records) * len(FIELDS))


def pipeline_cost(share: float) -> tuple[float, float]:
    """ns per value of the gateway's whole way from sample to stored event (without disk and network), and of the check in it."""
    samples = [sampled(record, at) for record, at in readable(COUNT, share)]
    both, check = [], []
    for _ in range(ROUNDS):
        pipeline = Ours(samples).pipeline
        kpis, around = pipeline.kpis(Totals(at_ns=samples[0][0].source_ns)), Situation()
        check.append(timed(Ours(samples).of_samples, samples))
        both.append(timed(lambda each: pipeline.process(each, (), each[0].source_ns, kpis, around), samples))  # noqa: B023
    return median(both), median(check)


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
    judges, counted = {name: make() for name, make in OTHERS.items()}, 0
    ours = Ours([sampled(*each) for each in found])
    for record, at in found:
        settled = ours.verdicts(sampled(record, at))
        reasons = {name: each.flag or each.refused for name, each in zip(record, settled, strict=True)}
        theirs = {name: judge(record, at) for name, judge in judges.items()}
        if any(reason == "Blocked" or "Rule" in reason for reason in reasons.values()):
            continue
        counted += 1
        expected = {name for name, reason in reasons.items() if reason}
        for name in OTHERS:
            same[name] += theirs[name] == expected
    return {name: count / counted for name, count in same.items()}


MEANING = (
    "What the figures mean, and what was tried, stands in [decision 0008](../decisions/0008-rules-on-the-wire.md). Pages "
    "before 2026-11-23 02:50Z gave pydantic a model and a hook of Python per rule, which took it twice as long, and counted the "
    "start of the counters in 1970 among the way to the event (18 us; 2.6 us of them were the way itself).",
    "What the whole gateway takes at 10,000 values/s, with disk, protocol and delivery, stands in figures.md (`tests/load/quarantine.py --interval 50`): the check is a fiftieth of it.",
)


def report() -> str:
    agreed = agreement()
    lines = [
        "# The contract check, per value",
        "",
        f"`python tests/bench/contract_check.py --write`, {datetime.now(UTC):%Y-%m-%d %H:%MZ}, {os.cpu_count()} cores, "
        f"Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}.",
        f"{COUNT} records of {len(FIELDS)} values over all rule types, {ROUNDS} alternating rounds; ns of CPU per value, median "
        "(lowest to highest); ratios are medians of the rounds' ratios.",
        "",
        "From `record`: each tool has its own form of a record made before the clock runs (others a dict, ours tuples of names, "
        "values and times, as the pipeline has them). From `samples`: making that of what a source gives counts too, for all.",
        "",
        "| broken values | from | tool | ns per value | ratio to ours | aimed at | met | records judged as ours |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for share in SHARES:
        costs = measure(share)
        for more, form in (("", "record"), ("+", "samples")):
            lines.append(f"| {share:.0%} | {form} | the gateway's check | {costs['ours' + more]} | 1 | | | |")
            for name, aim in AIMS.items():
                rounds = zip(costs[name + more].rounds, costs["ours" + more].rounds, strict=True)
                ratios = [theirs / ours for theirs, ours in rounds]
                found = f"{median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
                met = "yes" if median(ratios) >= aim else "no"
                cells = (f"{share:.0%}", form, name, costs[name + more], found, f"≥ {aim}", met, f"{agreed[name]:.1%}")
                lines.append(f"| {' | '.join(map(str, cells))} |")
    both, check = pipeline_cost(0.01)
    lines += [
        "",
        f"In the gateway: {check:.0f} of the {both:.0f} ns that a value takes from sample to event, before disk and network; "
        f"at 10,000 values/s the check takes {check / 1e3:.2f} % of a core.",
        "",
        *MEANING,
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    text = report()
    print(text)
    if "--write" in sys.argv:
        OUT.write_text(text, encoding="utf-8")
