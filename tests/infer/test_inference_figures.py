"""The quick form of tests/load/inference.py: some days of some loads, with floors under what docs/measured/inference.md says."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from plantwright_shopfloor.loads import COMPRESSOR, LATHE, OVEN, PACKAGING, Load

SCRIPT = Path(__file__).parents[1] / "load" / "inference.py"


@pytest.fixture(scope="module")
def inference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("inference_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["inference_script"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("load", [LATHE, OVEN, COMPRESSOR, PACKAGING], ids=lambda load: load.name)
def test_two_days_of_a_load_reach_the_floors(inference: ModuleType, load: Load) -> None:
    found = inference.judge(load, 501, 2.0, learning=False)
    assert found.told >= 0.93
    assert found.live >= 0.90
    assert found.cannot_tell <= 0.03
    assert found.found >= 0.97 * found.stops > 0
    assert found.false_alarms <= 2 * found.days
    assert found.microseconds < 100


@pytest.mark.slow
@pytest.mark.parametrize("load", [LATHE, OVEN, COMPRESSOR, PACKAGING], ids=lambda load: load.name)
def test_learning_is_told_afterwards_so_little_of_two_days_is_unknown(inference: ModuleType, load: Load) -> None:
    """Off and idle are told apart less well afterwards than later on: the levels are young."""
    found = inference.judge(load, 501, 2.0)
    assert found.cannot_tell <= 0.03 < found.cannot_tell_live
    assert found.told >= 0.85
    assert found.found >= 0.94 * found.stops > 0


def test_a_part_of_the_page_is_replaced_and_the_others_stay(inference: ModuleType) -> None:
    first, second = (inference.SECTIONS[name].title for name in ("tuned", "seeds"))
    page = inference.page("", "seeds", f"## {second}\n\nold\n")
    page = inference.page(page, "tuned", f"## {first}\n\nnew\n")
    page = inference.page(page, "seeds", f"## {second}\n\nnewer\n")
    assert page.count("## ") == 2
    assert page.index("\nnew\n") < page.index("\nnewer\n")
    assert "old\n" not in page.split("## ", 1)[1]
