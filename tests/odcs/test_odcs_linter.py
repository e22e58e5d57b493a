"""Exports before the linter that users of the standard run: `datacontract lint` of the package datacontract-cli.

Its dependencies are many times ours, so it is none of them: these tests run where the command is on the PATH.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from plantwright_api.v1alpha1.datacontract import DataContract, DataContractSpec
from plantwright_cli import manifests
from plantwright_cli.odcs.document import write
from plantwright_cli.odcs.exporting import Meta, export_odcs
from plantwright_operator.decide.evolution import terms

LINTER = shutil.which("datacontract")
CATALOGUE = Path(__file__).parents[2] / "examples" / "02-contracts"
EVERYTHING: dict[str, Any] = {
    "name": "kiln",
    "version": "2.3.4",
    "lifecycle": "Deprecated",
    "description": "no: what a kiln says",
    "owner": {"team": "Ovens", "contact": "ovens@example.com", "steward": "ada"},
    "classification": "Restricted",
    "retentionDays": 400,
    "completenessPercent": 95,
    "completenessWindowSeconds": 3600,
    "freshnessSeconds": 10,
    "extends": {"name": "corporate", "version": "^1.2"},
    "consumers": [{"name": "board", "owner": {"team": "IT"}, "fields": ["heat"]}],
    "rules": [{"name": "cold", "expression": "heat < 5", "message": "cold", "onViolation": "Quarantine"}],
    "fields": [
        {"name": "heat", "type": "Number", "unit": "Cel", "minimum": "-1e-3", "maximum": "0.30000000000000004"},
        {"name": "count", "type": "Integer", "enum": ["1", "2"], "freshnessSeconds": 5, "maxChangePerSecond": "1.5"},
        {"name": "who", "type": "String", "classification": "Personal", "pseudonymise": True, "maxLength": 9},
        {"name": "word", "type": "String", "enum": ["no", "2022-08-02", "1e3", "~"], "pattern": "^.*$"},
        {"name": "lit", "type": "Boolean", "required": True, "semanticId": "0173-1#02-AAB381#003"},
        {"name": "at", "type": "Timestamp", "onViolation": "Quarantine"},
    ],
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        LINTER is None, reason="datacontract is not on the PATH; pip install datacontract-cli (own venv)"
    ),
]


def lint(document: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "exported.odcs.yaml"
    file.write_text(write(document), encoding="utf-8")
    command = [str(LINTER), "lint", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def exported(spec: DataContractSpec) -> dict[str, Any]:
    return export_odcs(terms(spec), Meta("unused"))[0]


def catalogue() -> list[DataContractSpec]:
    return [found.spec for found in manifests.of_kind(manifests.read([str(CATALOGUE)]), DataContract)]


def test_the_linter_accepts_the_catalogue(tmp_path: Path) -> None:
    found = catalogue()
    assert found
    for spec in found:
        answer = lint(exported(spec), tmp_path)
        assert answer.returncode == 0, answer.stdout


def test_the_linter_accepts_a_contract_with_all_there_is(tmp_path: Path) -> None:
    answer = lint(exported(DataContractSpec.model_validate(EVERYTHING)), tmp_path)
    assert answer.returncode == 0, answer.stdout


def test_the_linter_refuses_what_is_wrong(tmp_path: Path) -> None:
    made = exported(DataContractSpec.model_validate(EVERYTHING))
    made["schema"][0]["properties"][0]["logicalType"] = "Number"
    assert lint(made, tmp_path).returncode == 1
