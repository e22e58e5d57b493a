"""The contract check: pure, compiled once per configuration, run for every value.

    raw -> name or scale -> type -> range, enum, length -> Verdict

`values` holds the steps, `compiled` ties them to one signal, `completeness` judges what arrived over the freshness window.
"""

from plantwright_gateway.check.compiled import Check, CompiledSignal, Verdict, compile_contracts, compile_signal
from plantwright_gateway.check.completeness import Completeness, FieldState

__all__ = ["Check", "CompiledSignal", "Completeness", "FieldState", "Verdict", "compile_contracts", "compile_signal"]
