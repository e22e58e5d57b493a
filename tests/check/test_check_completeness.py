"""Whether everything that is required arrives."""

from typing import Any

import pytest

from plantwright_gateway.check import FieldState
from plantwright_gateway.check.completeness import judge

S = 10**9
NOW = 1000 * S


def field(name: str = "a", seen: int | None = NOW - S, **more: Any) -> FieldState:
    return FieldState("c", name, 30 * S, seen, **more)


@pytest.mark.parametrize(
    ("fields", "since", "alive", "expected"),
    [
        ([field()], None, None, ("Unknown", "NotYetChecked")),
        ([field()], NOW - 60 * S, None, ("True", "AllFieldsValid")),
        ([], NOW - 60 * S, None, ("True", "AllFieldsValid")),
        ([field(seen=None)], NOW - 10 * S, None, ("Unknown", "NotYetChecked")),
        ([field(seen=None)], NOW - 31 * S, None, ("False", "RequiredMissing")),
        ([field(seen=NOW - 31 * S)], NOW - 60 * S, None, ("False", "RequiredMissing")),
        ([field(seen=NOW - 31 * S)], NOW - 60 * S, NOW - S, ("True", "AllFieldsValid")),
        ([field(seen=NOW - 31 * S)], NOW - 10 * S, None, ("True", "AllFieldsValid")),
        ([field(), field("b", problem="OutOfRange")], NOW - 60 * S, None, ("False", "OutOfRange")),
        ([field(problem="OutOfRange"), field("b", problem="WrongType")], NOW - 60 * S, None, ("False", "WrongType")),
        ([field(seen=None), field("b", problem="NotANumber")], NOW - S, None, ("False", "NotANumber")),
    ],
)
def test_judgement(fields: list[FieldState], since: int | None, alive: int | None, expected: tuple[str, str]) -> None:
    verdict = judge(fields, since, alive, NOW)
    assert (verdict.status, verdict.reason) == expected


def test_the_message_names_fields_and_what_the_source_said_and_no_values() -> None:
    fields = [field(name, problem="SignalUnreadable", message="BadNodeIdUnknown") for name in "abcde"]
    assert judge(fields, NOW - 60 * S, None, NOW).message == "c.a, c.b, c.c and 2 more: BadNodeIdUnknown"


def test_an_optional_field_may_be_absent_but_not_unreadable() -> None:
    absent = field("tool", None, required=False)
    refused = field("tool", None, required=False, problem="SignalUnreadable", message="register 60000")
    assert judge([absent], 0, None, 100 * S).status == "True"
    assert judge([refused], 0, None, S)[:2] == ("False", "SignalUnreadable")


@pytest.mark.parametrize(
    ("seen", "required", "expected"),
    [
        (NOW - S, False, ("True", "AllFieldsValid")),
        (NOW - 31 * S, False, ("False", "FieldStale")),
        (NOW - 31 * S, True, ("False", "FieldStale")),
        (None, False, ("True", "AllFieldsValid")),
        (None, True, ("False", "RequiredMissing")),
    ],
)
def test_a_field_with_a_freshness_of_its_own(seen: int | None, required: bool, expected: tuple[str, str]) -> None:
    verdict = judge([field(seen=seen, required=required, ages=True)], NOW - 60 * S, None, NOW)
    assert (verdict.status, verdict.reason) == expected


def test_a_rule_over_several_fields_is_named_in_the_message() -> None:
    verdict = judge([field(problem="RuleViolated:idleTakesNoPower")], NOW - 60 * S, None, NOW)
    assert verdict == ("False", "RuleViolated", "c.a: idleTakesNoPower")
