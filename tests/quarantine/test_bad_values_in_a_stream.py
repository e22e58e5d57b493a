"""The measuring script's whole story, small: a gateway, an MES and a machine with a ledger, as processes of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from plantwright_mes.testing import PostgresMissingError, binaries

SCRIPT = Path(__file__).parents[1] / "load" / "quarantine.py"


@pytest.mark.slow
def test_every_bad_value_is_kept_and_comes_after_the_mend_though_the_gateway_is_killed() -> None:
    try:
        binaries()
    except PostgresMissingError as error:
        pytest.skip(str(error))
    words = [sys.executable, str(SCRIPT), "--seconds", "3", "--count", "124"]
    done = subprocess.run(words, capture_output=True, check=False, timeout=120)
    text = done.stdout.decode()
    assert done.returncode == 0, text + done.stderr.decode()
    assert text.count("\nok  ") == 4
