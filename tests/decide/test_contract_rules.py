"""A contract with a pattern or expression that cannot be used is refused when it is applied, in words."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from plantwright_api.v1alpha1 import DataContract
from plantwright_operator.decide.catalog import judge_contract

Raw = Callable[..., dict[str, Any]]
FIELDS = [{"name": "power", "type": "Number"}, {"name": "state", "type": "String"}, {"name": "at", "type": "Timestamp"}]


def refusal(raw: Raw, expression: str = "power > 1.0", **field: Any) -> str:
    fields = [*FIELDS, {"name": "serial", "type": "String", **field}]
    rules = [{"name": "sane", "expression": expression, "message": "not sane"}]
    found = judge_contract(DataContract.model_validate(raw("DataContract", fields=fields, rules=rules)))
    return f"{found.reason}: {found.message}" if found else ""


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (
            {"pattern": r"^(\w+)\1$"},
            r"spec.fields[serial].pattern: invalid escape sequence: \1; RE2 knows no back references, "
            r"and writes the end of the text \z",
        ),
        (
            {"type": "Number", "maxChangePerSecond": "0"},
            "spec.fields[serial].maxChangePerSecond: 0 allows no change at all; give a number above 0 or leave it out",
        ),
    ],
)
def test_a_field(raw: Raw, field: dict[str, Any], message: str) -> None:
    assert refusal(raw, **field) == f"InvalidSpec: {message}"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("powr > 5.0", "position 1: there is no field powr; is power meant?"),
        ("power + 1.0", "position 7: the whole gives Number, and Boolean is needed"),
        ("power / 0 > 1.0", "position 9: a division by zero never has a value"),
        ("at < '2026'", "position 1: at is a Timestamp, which expressions do not know"),
        ("(" * 200 + "power", "position 33: nested deeper than 32 levels; split it into several rules"),
    ],
)
def test_an_expression(raw: Raw, expression: str, message: str) -> None:
    assert refusal(raw, expression) == f"InvalidSpec: spec.rules[sane].expression: {message}"


def test_a_pattern_built_to_hang_is_harmless_and_accepted(raw: Raw) -> None:
    began = time.monotonic()
    assert refusal(raw, pattern="^(a+)+$") == ""
    assert time.monotonic() - began < 1
