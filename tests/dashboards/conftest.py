"""Puts this folder and the tools of the chaos tests on the path."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "chaos" / "tools")]
