"""What is made of samples before they are checked: running totals of counters, and signals computed from others. Pure.

    samples -> counters become totals -> operands as expressions see them -> expressions -> samples, without the internal ones

Compiled once per configuration. `totals` is what survives a restart; the last values of operands do not: after one, a signal is
computed once all its operands have come.
"""

from plantwright_gateway.derive.derivation import Derivation, DerivationError
from plantwright_gateway.derive.totals import STATE_COUNTERS, RunningTotals

__all__ = ["STATE_COUNTERS", "Derivation", "DerivationError", "RunningTotals"]
