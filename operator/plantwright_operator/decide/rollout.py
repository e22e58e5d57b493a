"""May a change reach this gateway now? The plant's rollout says; an upgrade of the operator never changes an image.

Two kinds of change: one that the gateway reloads (its configuration) and one that restarts its pod (the template). Mode
Manual holds both until the machine is annotated with the revision; maxConcurrent bounds restarts only. A machine that
has no gateway yet has nothing to protect and goes ahead.
"""

from dataclasses import dataclass

from plantwright_api.v1alpha1.plant import Rollout
from plantwright_operator.model import APPROVAL_ANNOTATION, Refusal


@dataclass(frozen=True, slots=True)
class Change:
    """What would change: hashes that are live (empty: nothing is there) and hashes that are wanted."""

    name: str
    live_config: str
    live_template: str
    config: str
    template: str
    revision: str
    approved: str
    rolling: bool
    """Whether this machine's pod is being replaced already, so that it holds a slot."""

    @property
    def reloads(self) -> bool:
        """The configuration of a running gateway changes."""
        return bool(self.live_config) and self.live_config != self.config

    @property
    def restarts(self) -> bool:
        """The pod of a running gateway is replaced."""
        return bool(self.live_template) and self.live_template != self.template


def judge(change: Change, rollout: Rollout, others_rolling: int) -> Refusal | None:
    """None where the change may go out, else what it waits for.

    Args:
        change: what would change.
        rollout: the plant's rules.
        others_rolling: gateways of the plant, this one left out, that restart at this moment.
    """
    if not (change.reloads or change.restarts):
        return None
    if rollout.mode == "Manual" and change.approved != change.revision:
        return Refusal(
            "WaitingForApproval",
            f"the gateway runs on with its former configuration; to let this change out: kubectl annotate --overwrite "
            f"machine {change.name} {APPROVAL_ANNOTATION}={change.revision}",
        )
    if change.restarts and not change.rolling and others_rolling >= rollout.max_concurrent:
        return Refusal(
            "WaitingForSlot",
            f"{others_rolling} gateways of the plant restart already and spec.rollout.maxConcurrent is "
            f"{rollout.max_concurrent}; this one follows",
            stalled=False,
        )
    return None
