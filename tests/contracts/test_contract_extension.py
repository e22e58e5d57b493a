"""Extensions: what they inherit, what they may narrow, and what is refused with the field and the cure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantwright_api.v1alpha1 import DataContract
from plantwright_operator.decide.evolution import compare, terms
from plantwright_operator.decide.extension import MAX_BASES, chain, effective, find_base
from plantwright_operator.model import Refusal

BASE_FIELDS: list[dict[str, Any]] = [
    {"name": "power", "type": "Number", "unit": "kW", "required": True, "minimum": "0", "maximum": "250"},
    {"name": "state", "type": "String", "enum": ["Idle", "Run"], "maxLength": 9, "onViolation": "Quarantine"},
    {"name": "serial", "type": "String", "pattern": "^T", "semanticId": "urn:x"},
]
RULE = {"name": "idle", "expression": "power < 5", "message": "m", "onViolation": "Quarantine"}


def contract(name: str, version: str = "1.0.0", **spec: Any) -> DataContract:
    body = {"version": version, "fields": [{"name": "power", "type": "Number", "required": True}], **spec}
    metadata = {"name": f"{name}-{version}", "namespace": "plant"}
    return DataContract.model_validate({"kind": "DataContract", "metadata": metadata, "spec": {"name": name, **body}})


CORPORATE = contract("corporate", freshnessSeconds=10, fields=BASE_FIELDS, rules=[RULE], owner={"team": "head office"})


def site(*fields: dict[str, Any], **spec: Any) -> DataContract:
    given_ = list(fields) or [{"name": "power", "type": "Number", "required": True}]
    return contract("site", "2.0.0", fields=given_, **{"freshnessSeconds": 10, **spec})


def field(name: str, **changed: Any) -> dict[str, Any]:
    base = next(f for f in BASE_FIELDS if f["name"] == name)
    return {**base, **changed}


def merged(extension: DataContract, *bases: DataContract) -> Any:
    found = effective(extension, bases or (CORPORATE,))
    assert not isinstance(found, Refusal), found
    return found


def refused(extension: DataContract, *bases: DataContract) -> str:
    found = effective(extension, bases or (CORPORATE,))
    assert isinstance(found, Refusal)
    assert (found.reason, found.stalled) == ("InvalidSpec", True)
    return found.message


def test_what_is_left_out_is_inherited() -> None:
    found = merged(site(field("power", maximum="200", minimum=None), {"name": "extra", "type": "Integer"}))
    assert [f.name for f in found.fields] == ["power", "state", "serial", "extra"]
    power = found.fields[0]
    assert (power.minimum, power.maximum, power.unit, power.required) == ("0", "200", "kW", True)
    assert (found.name, found.version, found.owner.team) == ("site", "2.0.0", "head office")
    assert [rule.name for rule in found.rules] == ["idle"]


def test_a_contract_without_bases_is_itself() -> None:
    assert effective(CORPORATE, ()) is CORPORATE.spec


def test_tightening_is_allowed_everywhere() -> None:
    found = merged(
        site(
            field("power", minimum="1", maximum="200", maxChangePerSecond="5", onViolation="Quarantine"),
            field("state", required=True, enum=["Run"], maxLength=3, minLength=3, semanticId="urn:y"),
            field(
                "serial",
                unit="1",
                classification="Personal",
                pseudonymise=True,
                actions=[{"rule": "Pattern", "action": "Block"}],
            ),
            freshnessSeconds=5,
            classification="Restricted",
            retentionDays=30,
            rules=[{**RULE, "name": "more"}],
        )
    )
    assert [c.path for c in compare(terms(CORPORATE.spec), terms(found)) if c.judgement.loosens] == ["name"]


@pytest.mark.parametrize(
    ("extension", "message"),
    [
        (
            site(field("power", maximum="300")),
            "contract site 2.0.0 spec.fields[power].maximum: 300 loosens corporate 1.0.0, which says 250 (values above the "
            "old maximum are in range now); write 250 or what is stricter, or leave it out to inherit it",
        ),
        (
            site(field("power", required=False)),
            "contract site 2.0.0 spec.fields[power].required: false loosens corporate 1.0.0, which says true (the field may "
            "be missing); write true or what is stricter",
        ),
        (
            site(freshnessSeconds=30),
            "contract site 2.0.0 spec.freshnessSeconds: 30 loosens corporate 1.0.0, which says 10 (data may be older than "
            "was promised); write 10 or what is stricter",
        ),
        (
            site(field("state", enum=["Idle", "Run", "Setup"])),
            "contract site 2.0.0 spec.fields[state].enum: Idle, Run, Setup loosens corporate 1.0.0, which says Idle, Run "
            "(consumers meet values they do not know); write Idle, Run or what is stricter, or leave it out to inherit it",
        ),
    ],
)
def test_the_message_names_field_and_cure(extension: DataContract, message: str) -> None:
    assert refused(extension) == message


@pytest.mark.parametrize(
    ("extension", "path"),
    [
        (site(field("power", type="Integer")), "fields[power].type"),
        (site(field("power", unit="W")), "fields[power].unit"),
        (site(field("power", minimum="-1")), "fields[power].minimum"),
        (site(field("state", maxLength=10)), "fields[state].maxLength"),
        (site(field("state", onViolation="Flag")), "fields[state].onViolation"),
        (site(field("state", actions=[{"rule": "Enum", "action": "Flag"}])), "fields[state].actions[Enum]"),
        (site(field("serial", pattern="^TW")), "fields[serial].pattern"),
        (site(field("serial", semanticId="urn:y")), "fields[serial].semanticId"),
        (site(classification="Public"), "classification"),
        (site(field("state", classification="Public")), "fields[state].classification"),
        (site(rules=[{**RULE, "expression": "true"}]), "rules[idle].expression"),
        (site(rules=[{**RULE, "onViolation": "Flag"}]), "rules[idle].onViolation"),
    ],
)
def test_loosening_is_refused(extension: DataContract, path: str) -> None:
    assert f" spec.{path}: " in refused(extension)


@pytest.mark.parametrize(
    ("own", "path"),
    [
        ({"retentionDays": 31}, "retentionDays"),
        ({"fields": [{"name": "operator", "type": "String", "pseudonymise": False}]}, "fields[operator].pseudonymise"),
        (
            {"fields": [{"name": "operator", "type": "String", "pseudonymise": True, "classification": "Restricted"}]},
            "fields[operator].classification",
        ),
    ],
)
def test_protection_is_never_taken_back(own: dict[str, Any], path: str) -> None:
    operator = {"name": "operator", "type": "String", "pseudonymise": True, "classification": "Personal"}
    base = contract("people", "1.0.0", fields=[operator], retentionDays=30)
    kept = effective(
        contract("site", "1.0.0", fields=[{"name": "operator", "type": "String", "pseudonymise": True}]), [base]
    )
    assert not isinstance(kept, Refusal)
    assert (kept.retention_days, kept.fields[0].classification) == (30, "Personal")
    given_ = {"fields": [{"name": "extra", "type": "Integer"}], **own}
    assert f" spec.{path}: " in refused(contract("site", "1.0.0", **given_), base)


def test_the_nearest_base_counts_too() -> None:
    middle = contract("region", freshnessSeconds=10, fields=[field("power", maximum="200")])
    assert "loosens region 1.0.0, which says 200" in refused(site(field("power", maximum="220")), middle, CORPORATE)
    assert merged(site(), middle, CORPORATE).fields[0].maximum == "200"


def test_a_base_that_loosens_its_own_base_is_named() -> None:
    middle = contract("region", freshnessSeconds=10, fields=[field("power", maximum="900")])
    assert refused(site(), middle, CORPORATE).startswith(
        "contract region 1.0.0 spec.fields[power].maximum: 900 loosens"
    )


def test_more_fields_than_a_contract_holds() -> None:
    many = [{"name": f"f{i}", "type": "Integer"} for i in range(499)]
    message = refused(site(*many))
    assert message.startswith("contract site 2.0.0 spec.fields, as merged with its bases: List should have at most 500")


numbers = st.none() | st.integers(-9, 9).map(str)
ranges = st.fixed_dictionaries(
    {"name": st.just("f"), "type": st.just("Number")}, optional={"minimum": numbers, "maximum": numbers}
)


@given(ranges, ranges, st.integers(-10, 10))
def test_what_the_extension_admits_its_base_admits(base: dict[str, Any], own: dict[str, Any], value: int) -> None:
    found = effective(contract("site", fields=[own]), (contract("corporate", fields=[base]),))
    if isinstance(found, Refusal):
        return
    low, high = found.fields[0].minimum, found.fields[0].maximum
    if (low is None or int(low) <= value) and (high is None or value <= int(high)):
        assert base.get("minimum") is None or int(base["minimum"]) <= value
        assert base.get("maximum") is None or value <= int(base["maximum"])


def resolver(*known: DataContract) -> Any:
    return lambda above, wanted: find_base(above, wanted, known, ("plant",))


def on(base: str, version: str | None = None) -> dict[str, Any]:
    return {"extends": {"name": base, **({"version": version} if version else {})}}


def test_the_chain_is_found_nearest_first() -> None:
    region, plant = contract("region", **on("corporate")), contract("site", **on("region"))
    assert chain(plant, resolver(CORPORATE, region, plant)) == (region, CORPORATE)
    assert chain(CORPORATE, resolver()) == ()


def test_a_cycle_is_refused_with_its_path() -> None:
    a, b, c = contract("a", **on("b")), contract("b", **on("c")), contract("c", **on("b"))
    found = chain(a, resolver(a, b, c))
    assert found == Refusal(
        "InvalidSpec",
        "spec.extends: the chain of bases comes back to itself: a 1.0.0 -> b 1.0.0 -> c 1.0.0 -> b 1.0.0; cut it somewhere",
    )
    itself = contract("a", **on("a"))
    assert "a 1.0.0 -> a 1.0.0" in str(chain(itself, resolver(itself)))


def test_a_chain_that_is_too_long_is_refused() -> None:
    links = [contract(f"c{i}", **(on(f"c{i + 1}") if i < MAX_BASES + 1 else {})) for i in range(MAX_BASES + 2)]
    assert isinstance(chain(links[1], resolver(*links)), tuple)
    found = chain(links[0], resolver(*links))
    assert isinstance(found, Refusal)
    assert found.message.startswith("spec.extends: more than 8 bases: c0 1.0.0 -> c1 1.0.0 -> ")


def test_a_missing_base_is_waited_for() -> None:
    found = chain(contract("site", **on("corporate", "^3")), resolver(CORPORATE))
    assert found == Refusal(
        "ContractNotFound",
        "contract site 1.0.0 spec.extends: no DataContract corporate ^3 in namespace plant; "
        "there is 1.0.0 (Draft): widen the range or publish that version",
        stalled=False,
    )


@pytest.mark.parametrize(
    ("version", "lifecycle", "message"),
    [
        (None, "Published", "spec.extends.version: (absent) may come to mean another version"),
        ("^1.0.0", "Published", "spec.extends.version: ^1.0.0 may come to mean another version"),
        ("=1.0.0", "Published", ""),
        ("1.0.0", "Deprecated", ""),
        ("1.0.0", "Draft", "spec.extends: corporate 1.0.0 is a draft and may change"),
    ],
)
def test_what_is_published_stands_on_what_cannot_move(version: str | None, lifecycle: str, message: str) -> None:
    base = contract("corporate", lifecycle=lifecycle)
    published = contract("site", lifecycle="Published", **on("corporate", version))
    found = chain(published, resolver(base))
    assert isinstance(found, Refusal) == bool(message)
    assert message in (found.message if isinstance(found, Refusal) else "")
