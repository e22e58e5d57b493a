"""Names that would break Python itself."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_folder_operator_is_no_package() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_operator_is_pythons_own_even_from_the_root() -> None:
    code = "import operator, pathlib; print(pathlib.Path(operator.__file__).name, operator.add(1, 1))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["operator.py", "2"]
