"""Documents of others (README.md): each imports, and its exports are valid; or it is refused with a field path."""

from pathlib import Path

import pytest
from judge_documents import silent

from plantwright_api.v1alpha1.datacontract import DataContractSpec
from plantwright_cli.odcs.document import OdcsError, check, read, write
from plantwright_cli.odcs.exporting import Meta, export_odcs
from plantwright_cli.odcs.importing import Imported, import_odcs
from plantwright_operator.decide.evolution import terms

HERE = Path(__file__).parent
EXAMPLES = sorted((HERE / "examples").glob("*.odcs.yaml"))

REFUSED = {
    "invalid-duplicate-key": "no YAML: id stands twice",
    "invalid-empty-id": "schema: there is no schema object",
    "invalid-kind": "kind: 'WrongKind' is none of DataContract",
    "invalid-logical-type": "schema[customers].logicalType: 'not-a-valid-logical-type' is none of object",
    "invalid-quality-between-length": "schema[customers].quality[0].mustBeBetween: it has 1, and takes 2 at least",
    "invalid-server-type": "servers[warehouse].type: 'not-a-valid-server-type' is none of api, ",
    "invalid-structural-duplicate-schema-name": "schema[0].name: two schema objects become contract customers",
    "malformed": "no YAML: ",
    "nested-unknown-field": "schema[customers].properties[customer_id].requred: v3.2.0 of the standard has no such field here",
    "unknown-field": "customDomain: v3.2.0 of the standard has no such field here; use customProperties",
    "unsupported-version": "apiVersion: 'v9.9.9' is none of v3.2.0, v3.1.0, ",
    "with-schema-array-items": "schema[customers].properties: no property can be a field of a contract",
}


def imported(path: Path) -> Imported:
    return import_odcs(read(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name.partition(".")[0])
def test_an_example_imports_and_what_it_gave_survives_the_way_back(path: Path) -> None:
    found = imported(path)
    for spec, id_ in zip(found.specs, found.ids, strict=True):
        model = DataContractSpec.model_validate(spec)
        made, _ = export_odcs(terms(model), Meta("unused", id_))
        check(made)
        back = import_odcs(read(write(made)))
        assert (back.losses, back.ids) == ([], [id_])
        assert DataContractSpec.model_validate(back.specs[0]) == model


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name.partition(".")[0])
def test_what_an_example_says_arrives_or_is_listed(path: Path) -> None:
    document = read(path.read_text(encoding="utf-8"))
    assert silent(document, import_odcs(document)) == []


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 13
    assert {path.name.removesuffix(".odcs.yaml") for path in (HERE / "refused").iterdir()} == set(REFUSED)


@pytest.mark.parametrize("name", REFUSED)
def test_a_document_that_does_not_fit_is_refused_with_its_path(name: str) -> None:
    with pytest.raises(OdcsError) as error:
        imported(HERE / "refused" / f"{name}.odcs.yaml")
    assert REFUSED[name] in str(error.value)


def test_the_full_example_as_it_arrives() -> None:
    found = imported(HERE / "examples" / "full-example-v3.2.0.odcs.yaml")
    tbl, receivers = found.specs
    assert [field["name"] for field in tbl["fields"]] == ["transaction_reference_date", "rcvr_id", "rcvr_cntry_code"]
    assert tbl["fields"][2]["enum"] == ["US", "CA", "MX"]
    assert (tbl["lifecycle"], tbl["classification"], receivers["name"]) == ("Published", "Restricted", "receivers")
    lost = {loss.path: loss.why for loss in found.losses}
    assert lost["schema[receivers].properties[receiver_attributes]"] == "a field is one value, and map is not"
    assert lost["servers"] == "where data is stored is said by the Plant's spec.mes"
