"""Every reason that the gateway uses is in the catalogue, under the condition for which it is used."""

import ast
from pathlib import Path

import plantwright_gateway
from plantwright_api.v1alpha1.reasons import CONDITION_NAMES, REASONS
from plantwright_gateway.check import reasons

PACKAGE = Path(plantwright_gateway.__file__).parent
NO_REASONS = {"True", "False", "Unknown", "Good", "Uncertain", "Bad"} | CONDITION_NAMES


def of(condition: str) -> set[str]:
    return {reason.name for reason in REASONS if reason.condition == condition}


def test_the_checks_words_are_reasons_of_contract_met() -> None:
    used = {value for name, value in vars(reasons).items() if name.isupper()}
    assert len(used) >= 15, "the scan finds nothing"
    assert used <= of("ContractMet")


def test_the_conditions_words_are_in_the_catalogue() -> None:
    tree = ast.parse((PACKAGE / "app" / "facts.py").read_text())
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    words = {text for text in texts if text.isalpha() and text[0].isupper() and text != text.upper()} - NO_REASONS
    assert {"Flowing", "Stale", "NoData", "RoomLeft", "Full", "EmptyDir"} <= words, "the scan finds nothing"
    known = of("Connected") | of("DataFresh") | of("Buffered") | of("Durable") | of("ScheduleCurrent")
    assert words <= known


def test_no_pydantic_is_loaded_by_the_gateway() -> None:
    import subprocess
    import sys

    code = (
        "import sys; import plantwright_gateway.app.main; "
        "print([m for m in ('pydantic', 'aiomqtt', 'asyncua', 'pymodbus', 'kopf') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
