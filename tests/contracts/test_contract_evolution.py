"""What a change of a contract means, and which step of the version says so."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantwright_api.v1alpha1.datacontract import ContractField, CrossFieldRule, DataContractSpec
from plantwright_operator.decide.evolution import JUDGEMENTS, SHIFTS, Change, compare, step, terms

POWER: dict[str, Any] = {"name": "power", "type": "Number", "unit": "kW", "minimum": "0", "maximum": "250"}
STATE: dict[str, Any] = {"name": "state", "type": "String", "required": True, "enum": ["Idle", "Run"], "maxLength": 9}
RULE: dict[str, Any] = {
    "name": "idle",
    "expression": "state != 'Idle' || power < 5",
    "message": "idle machines draw little",
}


def spec(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return terms(DataContractSpec.model_validate({"version": "1.0.0", "fields": list(fields), **more}))


def field_change(before: dict[str, Any], **changed: Any) -> tuple[Change, ...]:
    after = {k: v for k, v in {**before, **changed}.items() if v is not None}
    return compare(spec(before), spec(after))


CASES: list[tuple[dict[str, Any], dict[str, Any], str, str, str]] = [
    (POWER, {"type": "Integer"}, "fields[power].type", "Breaking", "Breaking"),
    (POWER, {"unit": "W"}, "fields[power].unit", "Breaking", "Breaking"),
    (POWER, {"unit": None}, "fields[power].unit", "Breaking", "Breaking"),
    (STATE, {"unit": "1"}, "fields[state].unit", "Additive", "Additive"),
    (STATE, {"required": False}, "fields[state].required", "Breaking", "Editorial"),
    (POWER, {"required": True}, "fields[power].required", "Additive", "Breaking"),
    (POWER, {"maximum": "300"}, "fields[power].maximum", "Breaking", "Editorial"),
    (POWER, {"maximum": None}, "fields[power].maximum", "Breaking", "Editorial"),
    (POWER, {"maximum": "9e1"}, "fields[power].maximum", "Additive", "Additive"),
    (POWER, {"maximum": "250.0"}, "fields[power].maximum", "Editorial", "Editorial"),
    (POWER, {"minimum": "-1"}, "fields[power].minimum", "Breaking", "Editorial"),
    (POWER, {"minimum": "1"}, "fields[power].minimum", "Additive", "Additive"),
    (POWER, {"minimum": "0.0"}, "fields[power].minimum", "Editorial", "Editorial"),
    (POWER, {"maxChangePerSecond": "5"}, "fields[power].maxChangePerSecond", "Additive", "Additive"),
    (POWER, {"freshnessSeconds": 5}, "fields[power].freshnessSeconds", "Additive", "Additive"),
    (POWER, {"freshnessSeconds": 31}, "fields[power].freshnessSeconds", "Breaking", "Editorial"),
    (POWER, {"freshnessSeconds": 30}, "fields[power].freshnessSeconds", "Editorial", "Editorial"),
    (STATE, {"maxLength": 10}, "fields[state].maxLength", "Breaking", "Editorial"),
    (STATE, {"maxLength": 8}, "fields[state].maxLength", "Additive", "Additive"),
    (STATE, {"minLength": 2}, "fields[state].minLength", "Additive", "Additive"),
    (STATE, {"pattern": "^[A-Z]"}, "fields[state].pattern", "Additive", "Additive"),
    (STATE, {"enum": ["Idle"]}, "fields[state].enum", "Additive", "Breaking"),
    (STATE, {"enum": ["Idle", "Run", "Setup"]}, "fields[state].enum", "Breaking", "Editorial"),
    (STATE, {"enum": ["Idle", "Setup"]}, "fields[state].enum", "Breaking", "Breaking"),
    (STATE, {"enum": ["Run", "Idle"]}, "fields[state].enum", "Editorial", "Editorial"),
    (STATE, {"enum": None}, "fields[state].enum", "Breaking", "Editorial"),
    (POWER, {"semanticId": "0173-1#02-AAB713#005"}, "fields[power].semanticId", "Additive", "Editorial"),
    (POWER, {"description": "Electrical power."}, "fields[power].description", "Editorial", "Editorial"),
    (STATE, {"pseudonymise": True}, "fields[state].pseudonymise", "Breaking", "Breaking"),
    ({**STATE, "pseudonymise": True}, {"pseudonymise": False}, "fields[state].pseudonymise", "Breaking", "Editorial"),
    (STATE, {"classification": "Personal"}, "fields[state].classification", "Breaking", "Editorial"),
    (STATE, {"classification": "Public"}, "fields[state].classification", "Breaking", "Editorial"),
    (STATE, {"classification": "Internal"}, "fields[state].classification", "Editorial", "Editorial"),
    (POWER, {"onViolation": "Quarantine"}, "fields[power].onViolation", "Additive", "Additive"),
    (
        POWER,
        {"actions": [{"rule": "Range", "action": "Block"}]},
        "fields[power].actions[Range]",
        "Additive",
        "Additive",
    ),
    (
        POWER,
        {"actions": [{"rule": "Type", "action": "Quarantine"}]},
        "fields[power].actions[Type]",
        "Editorial",
        "Editorial",
    ),
    (
        {**POWER, "onViolation": "Quarantine"},
        {"actions": [{"rule": "Range", "action": "Flag"}]},
        "fields[power].actions[Range]",
        "Breaking",
        "Editorial",
    ),
]


@pytest.mark.parametrize(
    ("before", "changed", "path", "consumer", "producer"),
    CASES,
    ids=[f"{c[2]}-{c[3]}-{i}" for i, c in enumerate(CASES)],
)
def test_a_field_changes(
    before: dict[str, Any], changed: dict[str, Any], path: str, consumer: str, producer: str
) -> None:
    found = field_change(before, **changed)
    assert [(c.path, c.judgement.consumer, c.judgement.producer) for c in found] == [(path, consumer, producer)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (spec(POWER), spec(POWER, STATE), [("fields[state]", "Additive", "Breaking")]),
        (spec(POWER), spec(POWER, {"name": "n", "type": "Integer"}), [("fields[n]", "Additive", "Additive")]),
        (spec(POWER, STATE), spec(POWER), [("fields[state]", "Breaking", "Breaking")]),
        (spec(POWER), spec(POWER, freshnessSeconds=60), [("freshnessSeconds", "Breaking", "Editorial")]),
        (spec(POWER), spec(POWER, freshnessSeconds=10), [("freshnessSeconds", "Additive", "Additive")]),
        (spec(POWER), spec(POWER, classification="Personal"), [("classification", "Breaking", "Editorial")]),
        (spec(POWER), spec(POWER, classification="Public"), [("classification", "Breaking", "Editorial")]),
        (spec(POWER), spec(POWER, retentionDays=30), [("retentionDays", "Breaking", "Editorial")]),
        (spec(POWER, retentionDays=30), spec(POWER), [("retentionDays", "Breaking", "Editorial")]),
        (spec(POWER), spec(POWER, owner={"team": "x"}), [("owner", "Editorial", "Editorial")]),
        (spec(POWER, name="a"), spec(POWER, name="b"), [("name", "Breaking", "Breaking")]),
        (spec(POWER), spec(POWER, rules=[RULE]), [("rules[idle]", "Additive", "Additive")]),
        (spec(POWER, rules=[RULE]), spec(POWER), [("rules[idle]", "Breaking", "Editorial")]),
        (
            spec(POWER, rules=[RULE]),
            spec(POWER, rules=[{**RULE, "expression": "power < 5", "message": "m", "onViolation": "Quarantine"}]),
            [
                ("rules[idle].expression", "Breaking", "Additive"),
                ("rules[idle].message", "Editorial", "Editorial"),
                ("rules[idle].onViolation", "Additive", "Additive"),
            ],
        ),
        (spec(POWER), spec(POWER, version="2.0.0", lifecycle="Published"), []),
    ],
)
def test_a_contract_changes(old: dict[str, Any], new: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    assert [(c.path, c.judgement.consumer, c.judgement.producer) for c in compare(old, new)] == expected


def test_an_attribute_nobody_told_us_of_counts_as_breaking() -> None:
    old = spec(POWER)
    new = {**old, "encryption": "none"}
    assert [(c.path, c.kind) for c in compare(old, new)] == [("encryption", "Breaking")]


def test_every_attribute_of_the_model_has_its_rule() -> None:
    names = {
        field.alias or name
        for model in (DataContractSpec, ContractField, CrossFieldRule)
        for name, field in model.model_fields.items()
    }
    assert names - set(SHIFTS) == {"version", "lifecycle", "fields", "rules", "actions"}


def test_every_word_has_its_judgement() -> None:
    used = {attribute for attribute, _ in JUDGEMENTS} - {"fields", "rules"}
    assert used == set(SHIFTS)
    assert all(judgement.why for judgement in JUDGEMENTS.values())
    assert [key for key, j in JUDGEMENTS.items() if j.loosens and j.consumer != "Breaking"] == []


bounds = st.none() | st.integers(-5, 5).map(str)
words = st.sampled_from(["a", "b", "c"])
fields = st.fixed_dictionaries(
    {"name": st.just("f"), "type": st.just("Number")},
    optional={"minimum": bounds, "maximum": bounds, "enum": st.none()},
)


def admits(field: dict[str, Any], value: int) -> bool:
    low, high = field.get("minimum"), field.get("maximum")
    return (low is None or Decimal(low) <= value) and (high is None or value <= Decimal(high))


@given(fields, fields, st.integers(-6, 6))
def test_what_the_new_terms_admit_and_the_old_did_not_is_breaking(
    old: dict[str, Any], new: dict[str, Any], value: int
) -> None:
    changes = compare(spec(old), spec(new))
    if admits(new, value) and not admits(old, value):
        assert "Breaking" in [c.kind for c in changes]


@given(st.lists(words, min_size=1, unique=True), st.lists(words, min_size=1, unique=True))
def test_a_new_word_is_breaking_and_only_that(old: list[str], new: list[str]) -> None:
    base = {"name": "f", "type": "String"}
    changes = compare(spec({**base, "enum": old}), spec({**base, "enum": new}))
    assert any(c.kind == "Breaking" for c in changes) == (not set(new) <= set(old))


BREAKING = field_change(POWER, maximum="300")
HARDER = field_change(POWER, required=True)
MORE = compare(spec(POWER), spec(POWER, {"name": "n", "type": "Integer"}))
WORDS = field_change(POWER, description="x")


@pytest.mark.parametrize(
    ("old", "new", "changes", "needed", "enough"),
    [
        ("1.4.2", "2.0.0", BREAKING, "major", True),
        ("1.4.2", "1.5.0", BREAKING, "major", False),
        ("1.4.2", "1.4.3", BREAKING, "major", False),
        ("1.4.2", "1.5.0", HARDER, "major", False),
        ("1.4.2", "1.5.0", MORE, "minor", True),
        ("1.4.2", "1.4.3", MORE, "minor", False),
        ("1.4.2", "1.4.3", WORDS, "patch", True),
        ("1.4.2", "1.4.2", WORDS, "patch", False),
        ("1.4.2", "1.4.2", (), "none", True),
        ("1.4.2", "2.0.0", (), "none", True),
        ("1.4.2", "1.4.1", (), "none", False),
        ("0.4.2", "0.5.0", BREAKING, "minor", True),
        ("0.4.2", "0.4.3", BREAKING, "minor", False),
        ("0.4.2", "0.4.3", MORE, "patch", True),
        ("0.0.2", "0.0.3", BREAKING, "patch", True),
    ],
)
def test_the_step_of_the_version(old: str, new: str, changes: tuple[Change, ...], needed: str, enough: bool) -> None:
    verdict = step(old, new, changes)
    assert (verdict.needed, verdict.enough) == (needed, enough)


def test_a_draft_may_change_under_its_number() -> None:
    assert step("1.0.0", "1.0.0", BREAKING, draft=True).enough
    assert not step("1.0.0", "1.0.1", BREAKING, draft=True).enough


def test_the_message_says_which_version_it_takes() -> None:
    assert step("1.4.2", "1.5.0", BREAKING).message == (
        "the step from 1.4.2 to 1.5.0 is a minor one, and the changes take a major one: make it 2.0.0 or take them back"
    )
    assert step("1.4.2", "1.4.2", WORDS).message == (
        "the step from 1.4.2 to 1.4.2 is none, and the changes take a patch one: make it 1.4.3 or take them back"
    )
    assert step("1.4.2", "1.4.0", ()).message == "1.4.0 is below 1.4.2; give it a higher version"
