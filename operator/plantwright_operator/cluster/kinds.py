"""Where the API server keeps each kind."""

from typing import NamedTuple

from plantwright_api.v1alpha1 import MODELS


class Resource(NamedTuple):
    """API group and version and plural of a kind."""

    api_version: str
    plural: str

    @property
    def root(self) -> str:
        """The path below which its group version lies."""
        return f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"


OURS: dict[str, Resource] = {
    kind: Resource("plantwright.io/v1alpha1", model.crd.plural) for kind, model in MODELS.items()
}
OWNED: dict[str, Resource] = {
    "ConfigMap": Resource("v1", "configmaps"),
    "PersistentVolumeClaim": Resource("v1", "persistentvolumeclaims"),
    "Pod": Resource("v1", "pods"),
    "ServiceAccount": Resource("v1", "serviceaccounts"),
    "StatefulSet": Resource("apps/v1", "statefulsets"),
    "NetworkPolicy": Resource("networking.k8s.io/v1", "networkpolicies"),
}
RESOURCES = {**OURS, **OWNED}


def path(kind: str, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
    """Path of an object, or of a list where there is no name; no namespace means all."""
    resource = RESOURCES[kind]
    parts = [resource.root]
    if namespace:
        parts += ["namespaces", namespace]
    parts += [part for part in (resource.plural, name, subresource) if part]
    return "/".join(parts)
