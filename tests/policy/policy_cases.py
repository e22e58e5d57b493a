"""The table of cases: objects, the policy that judges them, and the verdict of each of its rules."""

import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from plantwright_api.v1alpha1 import KINDS, GovernancePolicy, KubernetesObject
from plantwright_operator.decide.policy.compiling import Compiled, compile_policy
from plantwright_operator.decide.policy.judging import Others
from plantwright_operator.decide.policy.shapes import canonical

HERE = Path(__file__).parent
LIBRARY = HERE.parents[1] / "examples" / "08-policies"
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
MODELS = {model.__name__: model for model in KINDS}
KINDS_GOVERNED = ("Plant", "DataContract", "MachineProfile", "Machine")
Obj = dict[str, Any]


def _documents(path: Path) -> list[Obj]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def _policies(*paths: Path) -> dict[str, GovernancePolicy]:
    found = [d for path in paths for d in _documents(path) if d["kind"] == "GovernancePolicy"]
    return {d["metadata"]["name"]: GovernancePolicy.model_validate(d) for d in found}


LIBRARY_POLICIES = _policies(*sorted(LIBRARY.glob("*.yaml")))
OTHER_POLICIES = _policies(HERE / "policies.yaml")
POLICIES = LIBRARY_POLICIES | OTHER_POLICIES
BASE: dict[str, Obj] = {d["kind"]: d for d in _documents(HERE / "base.yaml")}
_compiled: dict[str, Compiled] = {}


def compiled(policy: str) -> Compiled:
    if policy not in _compiled:
        made = compile_policy(POLICIES[policy])
        assert isinstance(made, Compiled), made.broken
        _compiled[policy] = made
    return _compiled[policy]


@dataclass(frozen=True)
class Case:
    """`verdicts` are those of the operator and lint, by rule; rules that do not speak of the object have none."""

    name: str
    policy: str
    body: Obj
    around: dict[str, Obj]
    verdicts: dict[str, str]
    says: list[str]

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def namespace(self) -> str:
        return str(self.body["metadata"]["namespace"])

    @property
    def model(self) -> KubernetesObject:
        return MODELS[self.kind].model_validate(self.body)

    def others(self) -> Others:
        around = {kind: canonical(MODELS[kind].model_validate(body)) for kind, body in self.around.items()}
        contracts = (around["DataContract"],) if "DataContract" in around else None
        if self.kind == "Machine":
            return Others(around.get("Plant"), around.get("MachineProfile"), contracts)
        return Others(contracts=contracts) if self.kind == "MachineProfile" else Others()


def laid_over(body: Obj, values: dict[str, Any]) -> Obj:
    """Set fields by their paths, such as spec.signals.0.unit; null removes one."""
    body = copy.deepcopy(body)
    for path, value in values.items():
        *parents, last = path.split(".")
        node: Any = body
        for step in parents:
            node = node[int(step)] if step.isdigit() else node.setdefault(step, {})
        key: Any = int(last) if last.isdigit() else last
        if value is None:
            node.pop(key, None)
        elif isinstance(node, list) and key == len(node):
            node.append(value)
        else:
            node[key] = value
    return body


def _case(raw: Obj) -> Case:
    namespace = raw.get("namespace", f"case-{raw['policy']}")
    around = {
        kind: laid_over(BASE[kind], {**raw.get("others", {}).get(kind, {}), "metadata.namespace": namespace})
        for kind in KINDS_GOVERNED
        if kind != raw["kind"] and kind not in raw.get("without", ())
    }
    values = {"metadata.namespace": namespace, **raw.get("set", {})}
    body = laid_over(BASE[raw["kind"]], values)
    return Case(raw["case"], raw["policy"], body, around, raw["verdicts"], raw.get("says", []))


CASES = [_case(raw) for raw in yaml.safe_load((HERE / "cases.yaml").read_text())]
