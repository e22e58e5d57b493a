"""State without a state signal: off, idle or producing, learnt from one analogue signal without labels. Pure.

How it works, step by step, stands in docs/guide-state.md; what else was tried in docs/decisions/0016-inferred-state.md.
"""

from plantwright_gateway.infer.model import REASONS, Model
from plantwright_gateway.infer.track import Inferred, Reason, Word

__all__ = ["REASONS", "Inferred", "Model", "Reason", "Word"]
