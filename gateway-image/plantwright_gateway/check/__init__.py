"""The contract check: pure, compiled once per configuration, run for every value.

    raw -> name or scale -> type -> range, enum, length, pattern -> rate of change -> Verdict
    verdicts of what arrived together -> cross-field rules -> Block -> Verdicts

`values` holds the steps, `compiled` ties them to one signal, `fast` is the short way past them, `rules` judges several values
together, `completeness` judges what arrived over the freshness window.
"""

from plantwright_gateway.check.compiled import CompiledSignal, compile_contracts, compile_signal
from plantwright_gateway.check.completeness import Completeness, FieldState
from plantwright_gateway.check.fast import Check
from plantwright_gateway.check.pace import UNTIMED
from plantwright_gateway.check.records import Fine, Records
from plantwright_gateway.check.rules import ContractRules
from plantwright_gateway.check.verdict import Verdict

__all__ = [
    "UNTIMED",
    "Check",
    "CompiledSignal",
    "Completeness",
    "ContractRules",
    "FieldState",
    "Fine",
    "Records",
    "Verdict",
    "compile_contracts",
    "compile_signal",
]
