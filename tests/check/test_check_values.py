"""The verdict on single values: a table per field type, and the promises that hold for all."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantwright_api.wire.config import ContractField, Signal
from plantwright_gateway.check import Verdict, compile_contracts, compile_signal
from plantwright_gateway.check.compiled import UnknownReferenceError

NAN, INF = float("nan"), float("inf")


def check(raw: Any, kind: str = "Number", signal: dict[str, Any] | None = None, **field: Any) -> Verdict:
    made = Signal(name="s", contract="c", field="f", interval_ms=1000, **(signal or {}))
    return compile_signal(made, ContractField(name="f", type=kind, **field))(raw)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("Boolean", True, True),
        ("Boolean", 0, False),
        ("Boolean", 1, True),
        ("Integer", 7, 7),
        ("Integer", 7.0, 7),
        ("Integer", 2**64 - 1, 2**64 - 1),
        ("Number", 7, 7),
        ("Number", 7.5, 7.5),
        ("String", "Größe", "Größe"),
        ("Timestamp", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ],
)
def test_what_can_be_read_as_the_type_is_taken_exactly(kind: str, raw: Any, value: Any) -> None:
    verdict = check(raw, kind)
    assert verdict == Verdict(value)
    assert type(verdict.value) is type(value)


@pytest.mark.parametrize(
    ("kind", "raw", "reason"),
    [
        ("Boolean", 2, "WrongType"),
        ("Boolean", "true", "WrongType"),
        ("Integer", 7.5, "WrongType"),
        ("Integer", True, "WrongType"),
        ("Integer", "7", "WrongType"),
        ("Integer", 2**64, "WrongType"),
        ("Integer", NAN, "NotANumber"),
        ("Number", NAN, "NotANumber"),
        ("Number", -INF, "NotANumber"),
        ("Number", False, "WrongType"),
        ("Number", None, "WrongType"),
        ("String", 7, "WrongType"),
        ("String", "\ud800", "WrongType"),
        ("Timestamp", "yesterday", "WrongType"),
        ("Timestamp", "2026-01-01T00:00:00", "WrongType"),
    ],
)
def test_what_cannot_be_interpreted_is_refused_with_its_original(kind: str, raw: Any, reason: str) -> None:
    verdict = check(raw, kind)
    assert verdict.refused == reason
    assert verdict.value is raw


@pytest.mark.parametrize(
    ("kind", "field", "raw", "reason"),
    [
        ("Number", {"maximum": 90.5}, 90.6, "OutOfRange"),
        ("Integer", {"minimum": 0.0}, -1, "OutOfRange"),
        ("String", {"enum": ["run", "stop"]}, "jog", "NotInEnum"),
        ("Integer", {"enum": ["1", "2"]}, 3, "NotInEnum"),
        ("String", {"max_length": 3}, "long", "TooLong"),
    ],
)
def test_readable_violations_are_flagged_or_refused_as_the_field_says(
    kind: str, field: dict[str, Any], raw: Any, reason: str
) -> None:
    assert check(raw, kind, **field) == Verdict(raw, flag=reason)
    assert check(raw, kind, **field, on_violation="Quarantine") == Verdict(raw, refused=reason)


@pytest.mark.parametrize("raw", [-20, 90.5])
def test_bounds_belong_to_the_range(raw: float) -> None:
    assert check(raw, minimum=-20.0, maximum=90.5) == Verdict(raw)


@pytest.mark.parametrize(
    ("raw", "scale", "offset", "kind", "value"),
    [
        (215, 0.1, 0.0, "Number", 21.5),
        (3, 0.1, 0.0, "Number", 0.3),
        (3, 0.1, 0.0, "Integer", None),
        (30, 0.1, 0.0, "Integer", 3),
        (5, 2.0, 1.0, "Integer", 11),
        (100, 1.8, 32.0, "Number", 212.0),
        (2**63 + 1, 1.0, 0.0, "Integer", 2**63 + 1),
    ],
)
def test_scaling(raw: int, scale: float, offset: float, kind: str, value: Any) -> None:
    verdict = check(raw, kind, {"scale": scale, "offset": offset})
    assert verdict.value == value if value is not None else verdict.refused == "WrongType"


def test_scaling_is_before_the_range() -> None:
    assert check(906, signal={"scale": 0.1}, maximum=90.5).flag == "OutOfRange"
    assert check(905, signal={"scale": 0.1}, maximum=90.5).flag == ""


def test_an_overflow_in_scaling_is_no_number() -> None:
    assert check(2**63, signal={"scale": 1e300}).refused == "NotANumber"
    assert check(10**400, signal={"scale": 2.0}).refused == "NotANumber"


def test_text_is_not_scaled() -> None:
    assert check("7", signal={"scale": 2.0}).refused == "WrongType"


class TestNames:
    signal = {"values": {"0": "stop", "1": "run", "true": "run"}}  # noqa: RUF012

    @pytest.mark.parametrize(("raw", "name"), [(0, "stop"), (1.0, "run"), ("1", "run"), (True, "run")])
    def test_a_code_becomes_its_name(self, raw: Any, name: str) -> None:
        assert check(raw, "String", self.signal, enum=["run", "stop"]) == Verdict(name)

    def test_a_code_without_a_name_is_readable_and_flagged(self) -> None:
        assert check(9, "String", self.signal) == Verdict("9", flag="NotInEnum")
        assert check(9, "String", self.signal, on_violation="Quarantine") == Verdict(9, refused="NotInEnum")

    def test_a_name_outside_the_enum_is_flagged(self) -> None:
        assert check(0, "String", self.signal, enum=["run"]) == Verdict("stop", flag="NotInEnum")

    def test_names_fill_booleans_and_numbers(self) -> None:
        assert check(4, "Boolean", {"values": {"4": "true"}}) == Verdict(True)
        assert check("high", "Integer", {"values": {"high": "3"}}) == Verdict(3)

    def test_a_name_that_does_not_fit_the_type_refuses_the_raw_value(self) -> None:
        assert check(4, "Integer", {"values": {"4": "four"}}) == Verdict(4, refused="WrongType")

    def test_numbers_without_a_name_are_scaled(self) -> None:
        assert check(30, "Integer", {"values": {"0": "0"}, "scale": 0.1}) == Verdict(3)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)


@given(raw=SCALARS, kind=st.sampled_from(["Boolean", "Integer", "Number", "String", "Timestamp"]))
def test_every_value_gets_a_verdict_and_what_is_delivered_is_of_its_type(raw: Any, kind: str) -> None:
    verdict = check(raw, kind, minimum=0.0, maximum=10.0, max_length=5)
    types = {"Boolean": bool, "Integer": int, "Number": (int, float), "String": str, "Timestamp": str}
    if verdict.refused:
        assert verdict.value is raw
        return
    assert isinstance(verdict.value, types[kind])
    if isinstance(verdict.value, float):
        assert math.isfinite(verdict.value)


@given(raw=st.integers(min_value=-(2**63), max_value=2**64 - 1))
def test_unscaled_integers_are_never_touched(raw: int) -> None:
    assert check(raw, "Integer").value == raw


def test_a_signal_that_names_nothing_is_told_by_name() -> None:
    signal = Signal(name="speed", contract="nowhere", field="f", interval_ms=1000)
    with pytest.raises(UnknownReferenceError, match=r"speed.*nowhere"):
        compile_contracts([], [signal])
