"""What goes into ODCS comes back the same, numbers stay what they are, and nothing is lost without being listed."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plantwright_api.v1alpha1.datacontract import DataContractSpec
from plantwright_cli.odcs.document import OdcsError, check, read, write
from plantwright_cli.odcs.exporting import Meta, export_odcs
from plantwright_cli.odcs.importing import Imported, import_odcs
from plantwright_cli.odcs.ledger import Loss
from plantwright_cli.odcs.numbers import number_of, text_of
from plantwright_operator.decide.evolution import terms


def document(*properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    schema = [{"name": "press", "logicalType": "object", "properties": list(properties)}]
    head = {"apiVersion": "v3.2.0", "kind": "DataContract", "id": "x", "version": "1.0.0", "name": "press"}
    return {**head, "schema": schema, **more}


def prop(type_: str = "number", **more: Any) -> dict[str, Any]:
    return {"name": "power", "logicalType": type_, **more}


def imported(*properties: dict[str, Any], **more: Any) -> Imported:
    return import_odcs(document(*properties, **more))


def fields(*properties: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = imported(*properties).specs[0]["fields"]
    return found


names = st.from_regex(r"\A[A-Za-z]([A-Za-z0-9_]{0,8}[A-Za-z0-9])?\Z")
families = st.from_regex(r"\A[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?\Z")
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff\u2028\u2029"), min_size=1
)
short = texts.map(lambda text: text[:32])
decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=3).map(
    text_of
)
bounds = st.sampled_from(["1e3", "-2.50", "+7", ".5", "1E-30", "123456789012345678901234567890.123456789"]) | decimals


def optional(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=more)


classes = st.sampled_from(["Public", "Internal", "Confidential", "Restricted", "Personal"])
common = optional(
    description=texts,
    unit=short,
    semanticId=short,
    required=st.booleans(),
    freshnessSeconds=st.integers(1, 86400),
    onViolation=st.sampled_from(["Flag", "Quarantine"]),
    classification=classes,
    actions=st.just([{"rule": "Type", "action": "Block"}, {"rule": "Enum", "action": "Quarantine"}]),
)
numeric = st.tuples(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["Integer", "Number"])},
        optional={"minimum": bounds, "maximum": bounds, "maxChangePerSecond": bounds, "enum": st.just(["1", "2.5"])},
    ),
    common,
)
textual = st.tuples(
    st.fixed_dictionaries(
        {"type": st.just("String")},
        optional={
            "enum": st.lists(texts.map(lambda t: t[:128]), min_size=1, unique=True),
            "minLength": st.integers(1, 9),
            "maxLength": st.integers(9, 65536),
            "pattern": short,
            "pseudonymise": st.booleans(),
        },
    ),
    common,
)
plain = st.tuples(st.fixed_dictionaries({"type": st.sampled_from(["Boolean", "Timestamp"])}), common)
one_field = (numeric | textual | plain).map(lambda parts: {**parts[0], **parts[1]})
specs = st.fixed_dictionaries(
    {
        "name": families,
        "version": st.sampled_from(["0.0.1", "1.2.3", "10.0.0"]),
        "fields": st.dictionaries(names, one_field, min_size=1, max_size=4).map(
            lambda found: [{"name": name, **field} for name, field in found.items()]
        ),
    },
    optional={
        "lifecycle": st.sampled_from(["Draft", "Published", "Deprecated", "Retired"]),
        "description": texts,
        "owner": st.fixed_dictionaries({"team": texts}, optional={"contact": texts, "steward": texts}),
        "classification": classes,
        "retentionDays": st.integers(1, 36500),
        "completenessPercent": st.integers(1, 100),
        "completenessWindowSeconds": st.integers(60, 604_800),
        "freshnessSeconds": st.integers(1, 86400),
        "extends": st.just({"name": "corporate", "version": "^1.2"}),
        "consumers": st.just([{"name": "oee-board", "owner": {"team": "IT"}, "fields": ["power"]}]),
        "rules": st.just([{"name": "idle", "expression": "power < 5", "message": "m", "onViolation": "Quarantine"}]),
    },
)


def canonical(spec: DataContractSpec) -> dict[str, Any]:
    """The terms with numbers as numbers: 2.50 and 2.5 say the same. A class that repeats the contract's says nothing."""
    found = terms(spec)
    for field in found["fields"]:
        if field.get("classification") == found["classification"]:
            del field["classification"]
        for key in ("minimum", "maximum", "maxChangePerSecond"):
            if key in field:
                field[key] = Decimal(field[key])
    return found


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=80)
@given(specs)
def test_a_contract_comes_back_the_same(given_: dict[str, Any]) -> None:
    spec = DataContractSpec.model_validate(given_)
    made, _ = export_odcs(terms(spec), Meta("unused", "some-id"))
    check(made)
    back = import_odcs(read(write(made)))
    assert back.losses == []
    assert back.ids == ["some-id"]
    assert canonical(DataContractSpec.model_validate(back.specs[0])) == canonical(spec)


@pytest.mark.parametrize(
    "text", ["0.1", "250", "-20", "90.5", "0.30000000000000004", "1.50", "12345678901234567890.5", "0"]
)
def test_a_number_keeps_its_digits_through_the_file(text: str) -> None:
    spec = {"version": "1.0.0", "name": "n", "fields": [{"name": "f", "type": "Number", "minimum": text}]}
    written = write(export_odcs(spec, Meta("n"))[0])
    assert f"minimum: {text}\n" in written
    assert import_odcs(read(written)).specs[0]["fields"][0]["minimum"] == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (250, "250"),
        (Decimal("1.10"), "1.10"),
        (Decimal("1E-60"), "1e-60"),
        (Decimal("1E+1000000"), None),
        (Decimal("NaN"), None),
        (10**50 + 1, None),
        (Decimal("0." + "1" * 45), None),
        (Decimal("0"), "0"),
    ],
)
def test_numbers_as_decimal_strings(number: Any, text: str | None) -> None:
    assert text_of(number) == text


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_string_is_exactly_its_number(number: Decimal) -> None:
    text = text_of(number)
    assert text is None or (len(text) <= 40 and number_of(text) == number)


@pytest.mark.parametrize(
    ("options", "limits"),
    [
        ({"minimum": 18, "exclusiveMaximum": 100}, ("18", "99")),
        ({"exclusiveMinimum": -1, "maximum": 5}, ("0", "5")),
        ({"minimum": 3, "exclusiveMinimum": 1}, ("3", None)),
        ({"minimum": 1, "exclusiveMinimum": 3}, ("4", None)),
        ({"exclusiveMinimum": 12345678901234567890123456789012345}, ("12345678901234567890123456789012346", None)),
    ],
)
def test_exclusive_limits_of_whole_numbers(options: dict[str, Any], limits: tuple[str | None, str | None]) -> None:
    field = fields(prop("integer", logicalTypeOptions=options))[0]
    assert (field.get("minimum"), field.get("maximum")) == limits
    assert imported(prop("integer", logicalTypeOptions=options)).losses == []


@pytest.mark.parametrize(
    ("given_", "loss"),
    [
        (
            prop(logicalTypeOptions={"exclusiveMaximum": 5}),
            Loss(
                "schema[press].properties[power].logicalTypeOptions",
                "exclusiveMaximum: 5",
                "a DataContract has no place for it",
            ),
        ),
        (
            prop(logicalTypeOptions={"minimum": 0, "exclusiveMaximum": 5}),
            Loss(
                "schema[press].properties[power].logicalTypeOptions.exclusiveMaximum",
                "5",
                "a limit is inclusive here, and the next number below has no name; write maximum",
            ),
        ),
        (
            prop("date"),
            Loss("schema[press].properties[power].logicalType", "date", "carried as text: it is no point in time"),
        ),
        (
            prop(customProperties=[{"property": "unit", "value": 5}]),
            Loss(
                "schema[press].properties[power].customProperties[unit]",
                "property: unit, value: 5",
                "not of the form that this property has here",
            ),
        ),
        (
            {**prop(), "name": "spindle speed (rpm)"},
            Loss(
                "schema[press].properties[spindle speed (rpm)].name",
                "spindle speed (rpm)",
                "written as spindle_speed_rpm: a field name has letters, digits and _",
            ),
        ),
        (
            prop(primaryKey=True),
            Loss("schema[press].properties[power].primaryKey", "true", "a DataContract has no place for it"),
        ),
        (
            prop("string", enum=[{"value": "a"}, {"value": None}]),
            Loss(
                "schema[press].properties[power].enum",
                "value: a, value: (nothing)",
                "a list of values holds up to 256, each with 1 to 128 characters",
            ),
        ),
    ],
)
def test_what_has_no_place_is_listed(given_: dict[str, Any], loss: Loss) -> None:
    assert imported(given_).losses == [loss]


def test_defaults_that_are_written_out_are_no_loss() -> None:
    found = imported(prop(primaryKey=False, unique=False, primaryKeyPosition=-1, tags=[], deprecated=False))
    assert found.losses == []


def test_the_most_closed_class_holds_for_the_contract() -> None:
    found = imported(prop(classification="public"), {**prop(), "name": "b", "classification": "restricted"})
    assert found.specs[0]["classification"] == "Restricted"
    assert [field.get("classification") for field in found.specs[0]["fields"]] == ["Public", None]
    assert found.losses == []


def test_a_class_that_the_contract_itself_has_comes_back_with_those_of_its_fields() -> None:
    fields_ = [{"name": "a", "type": "String", "classification": "Personal"}, {"name": "b", "type": "Integer"}]
    made, losses = export_odcs({"version": "1.0.0", "fields": fields_}, Meta("n"))
    assert [prop["classification"] for prop in made["schema"][0]["properties"]] == ["personal", "internal"]
    assert [(loss.path, loss.what) for loss in losses] == [("classification", "Internal")]
    back = import_odcs(made)
    assert (back.losses, back.specs[0]["classification"]) == ([], "Internal")
    assert back.specs[0]["fields"] == fields_


def test_a_class_that_is_none_is_listed() -> None:
    [loss] = imported(prop(classification="secret")).losses
    assert loss.why == "none of public, internal, confidential, restricted, personal"


@pytest.mark.parametrize(
    ("level", "expected", "why"),
    [
        ({"value": 90, "unit": "d"}, 90, ""),
        ({"value": 3, "unit": "y", "element": "press"}, 1095, ""),
        ({"value": 200, "unit": "y"}, 36500, "taken as 36500 d: retentionDays is whole, 36500 at most"),
        ({"value": 3, "unit": "m"}, None, "no retention in d, w or y"),
        ({"value": 0, "unit": "d"}, None, "a retention is above 0"),
        ({"value": 3, "unit": "y", "element": "press.power"}, None, "a DataContract has no place for it"),
    ],
)
def test_retention(level: dict[str, Any], expected: int | None, why: str) -> None:
    found = imported(prop(), slaProperties=[{"property": "retention", **level}])
    assert found.specs[0].get("retentionDays") == expected
    assert [loss.why for loss in found.losses] == ([why] if why else [])


def test_a_pseudonym_is_our_own_word_and_for_texts() -> None:
    custom = {"property": "pseudonymise", "value": True, "vendor": "plantwright"}
    assert fields(prop("string", customProperties=[custom]))[0]["pseudonymise"] is True
    [loss] = imported(prop("number", customProperties=[custom])).losses
    assert loss.why == "not of the form that this property has here"


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ({"value": 90, "unit": "s"}, 90),
        ({"value": Decimal("1.5"), "unit": "min"}, 90),
        ({"value": 4, "unit": "d"}, 86400),
        ({"value": 1, "unit": "ms"}, 1),
        ({"value": 5, "unit": "m"}, None),
        ({"value": -5, "unit": "s"}, None),
        ({"value": "soon", "unit": "s"}, None),
        ({"value": Decimal("1E+999999"), "unit": "d"}, None),
    ],
)
def test_latency_is_freshness(level: dict[str, Any], expected: int | None) -> None:
    found = imported(prop(), slaProperties=[{"property": "latency", **level}])
    assert found.specs[0].get("freshnessSeconds") == expected
    assert bool(found.losses) == (expected != 90)


def test_latency_of_one_property() -> None:
    level = {"property": "latency", "value": 5, "unit": "s", "element": "press.power"}
    found = imported(prop(), slaProperties=[level])
    assert found.specs[0]["fields"][0]["freshnessSeconds"] == 5
    assert "freshnessSeconds" not in found.specs[0]
    assert found.losses == []


def test_several_objects_become_several_contracts() -> None:
    schema: list[dict[str, Any]] = [{"name": name, "properties": [prop()]} for name in ("Press A", "press_b")]
    schema[1]["description"] = "own"
    found = import_odcs({**document(), "schema": schema, "description": {"purpose": "p"}})
    assert [spec["name"] for spec in found.specs] == ["press-a", "press-b"]
    assert found.ids == ["x/press-a", "x/press-b"]
    assert [spec["description"] for spec in found.specs] == ["p", "own"]
    assert [loss.path for loss in found.losses] == ["name", "schema[Press A].name", "schema[press_b].name"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"version": "latest"}, "version: 'latest' is no semantic version; write MAJOR.MINOR.PATCH"),
        ({"schema": []}, "schema: there is no schema object, so there is nothing to promise; add one with properties"),
        ({"kind": "Pod"}, "kind: 'Pod' is none of DataContract"),
        ({"name": "???"}, "name: '???' gives no name; write lower-case letters, digits and hyphens"),
        (
            {"schema": [{"name": "a", "properties": [{**prop(), "name": "1"}]}]},
            "schema[a].properties[1].name: '1' gives no field name; begin with a letter, then letters, digits and _",
        ),
        (
            {"schema": [{"name": "a", "properties": [{**prop(), "name": "a b"}, {**prop(), "name": "a-b"}]}]},
            "schema[a].properties: two properties become field a_b; rename one",
        ),
        (
            {"schema": [{"name": "a", "properties": [prop(logicalTypeOptions={"minimum": "5"})]}]},
            "schema[a].properties[power].logicalTypeOptions.minimum: '5' is no number",
        ),
        (
            {"schema": [{"name": "a", "properties": [prop("number")] * 501}]},
            "schema[a].properties: more than 500 properties; a DataContract holds 500, so split it",
        ),
    ],
)
def test_refused_with_the_path(body: dict[str, Any], message: str) -> None:
    with pytest.raises(OdcsError) as error:
        import_odcs({**document(prop()), **body})
    assert str(error.value) == message


def test_an_empty_version_part_is_filled_and_said() -> None:
    found = imported(prop(), version="v2.1")
    assert found.specs[0]["version"] == "2.1.0"
    assert found.losses == [Loss("version", "v2.1", "written as 2.1.0: a version here is MAJOR.MINOR.PATCH")]
