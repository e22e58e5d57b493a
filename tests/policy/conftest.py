"""Puts the table of cases on the path: the fast tests and those on an API server judge the same one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
