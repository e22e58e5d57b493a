"""Puts the reference checker and the generated records of this folder on the path: the benchmark uses them too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
