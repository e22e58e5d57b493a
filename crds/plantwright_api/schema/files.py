"""Every generated file with its text, by path from the project's root. Pure."""

from itertools import groupby

import yaml

from plantwright_api.schema.crd import custom_resource_definition
from plantwright_api.v1alpha1 import KINDS
from plantwright_api.v1alpha1.base import KubernetesObject
from plantwright_api.v1alpha1.reasons import CONDITIONS, REASONS

CRD_FOLDERS = ("crds", "charts/plantwright/files/crds")
HEADER = "# Generated from crds/plantwright_api by `make crds`. Do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Writes equal parts out in full: Kubernetes refuses YAML aliases in places, and people dislike them."""

    def ignore_aliases(self, data: object) -> bool:
        """Never use an anchor."""
        return True


def crd_yaml(model: type[KubernetesObject]) -> str:
    """The CRD of one kind as YAML."""
    return HEADER + yaml.dump(
        custom_resource_definition(model), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True
    )


def conditions_reference() -> str:
    """docs/reference/conditions.md: each condition and each of its reasons with meaning and cure."""
    lines = [
        "# Conditions and their reasons",
        "",
        "Generated from `crds/plantwright_api/v1alpha1/reasons.py` by `make crds`.",
        "",
    ]
    by_condition = {
        key: list(rows) for key, rows in groupby(sorted(REASONS, key=lambda r: r.condition), lambda r: r.condition)
    }
    for condition in CONDITIONS:
        lines += [f"## {condition.name} ({condition.kinds})", "", condition.meaning, ""]
        rows = by_condition.get(condition.name, [])
        if rows:
            lines += ["| reason | meaning | cure |", "|---|---|---|"]
            lines += [f"| {row.name} | {row.meaning} | {row.cure} |" for row in rows]
            lines.append("")
    return "\n".join(lines)


def generated_files() -> dict[str, str]:
    """Path from the root → text."""
    crds = {f"{model.crd.plural}.yaml": crd_yaml(model) for model in KINDS}
    # The chart has copies of its own, since a package of Helm cannot reach outside its folder.
    copies = {f"{folder}/{name}": text for folder in CRD_FOLDERS for name, text in crds.items()}
    return {**copies, "docs/reference/conditions.md": conditions_reference()}
