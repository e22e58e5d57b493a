"""The objects of API group plantwright.io/v1alpha1: Plant, MachineProfile, Machine, DataContract, GovernancePolicy."""

from plantwright_api.v1alpha1.base import KubernetesObject
from plantwright_api.v1alpha1.datacontract import DataContract
from plantwright_api.v1alpha1.governancepolicy import GovernancePolicy
from plantwright_api.v1alpha1.machine import Machine
from plantwright_api.v1alpha1.machineprofile import MachineProfile
from plantwright_api.v1alpha1.plant import Plant

KINDS: tuple[type[KubernetesObject], ...] = (Plant, MachineProfile, Machine, DataContract, GovernancePolicy)
"""Every kind of the group, in the order in which a user writes them."""

MODELS: dict[str, type[KubernetesObject]] = {model.model_fields["kind"].default: model for model in KINDS}
"""Model by kind."""

__all__ = [
    "KINDS",
    "MODELS",
    "DataContract",
    "GovernancePolicy",
    "KubernetesObject",
    "Machine",
    "MachineProfile",
    "Plant",
]
