"""One CustomResourceDefinition per kind."""

from typing import Any

from plantwright_api import GROUP, VERSION
from plantwright_api.schema.structural import object_schema
from plantwright_api.v1alpha1.base import KubernetesObject, PrinterColumn

CATEGORY = "plantwright"
"""`kubectl get plantwright` lists all kinds."""


def column(column: PrinterColumn) -> dict[str, Any]:
    """One additionalPrinterColumn."""
    out: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.json_path}
    if column.description:
        out["description"] = column.description
    if column.priority:
        out["priority"] = column.priority
    return out


def custom_resource_definition(model: type[KubernetesObject]) -> dict[str, Any]:
    """The whole object, ready to be applied."""
    names = model.crd
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": model.__name__,
                "listKind": f"{model.__name__}List",
                "plural": names.plural,
                "singular": names.singular,
                "shortNames": names.short_names,
                "categories": [CATEGORY],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [column(c) for c in names.columns],
                    "schema": {"openAPIV3Schema": object_schema(model)},
                }
            ],
        },
    }
