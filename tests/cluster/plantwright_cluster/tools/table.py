"""What is built, in which version, from which Go module. To move to a new version, change it here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COREDNS", "GO_TOOLS", "HELM", "KUBECONFORM", "KUBERNETES", "MINIMUM_GO", "GoTool"]

KUBERNETES_VERSION = "v1.34.4"

MINIMUM_GO = (1, 26)
"""The newest `go` line among the modules below (helm's); an older Go is replaced by the one from PyPI."""


@dataclass(frozen=True)
class GoTool:
    """One Go module and the commands we want of it."""

    name: str
    module: str
    version: str
    commands: tuple[str, ...]
    """Import paths of the main packages; the last part is the program's name."""
    stamps: tuple[str, ...] = ()
    """`-X` values for the linker, without which a program calls itself v0.0.0."""

    @property
    def programs(self) -> tuple[str, ...]:
        """Return the names of the programs the build leaves behind."""
        return tuple(command.rsplit("/", 1)[-1] for command in self.commands)

    @property
    def folder(self) -> str:
        """Return the name of the cache folder: keyed by version, so two checkouts never disturb each other."""
        return f"{self.name}-{self.version}"


def _kubernetes(version: str) -> GoTool:
    major, minor, _ = version.removeprefix("v").split(".")
    stamp = "k8s.io/component-base/version"
    programs = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
    return GoTool(
        "kubernetes",
        "k8s.io/kubernetes",
        version,
        tuple(f"k8s.io/kubernetes/cmd/{program}" for program in programs),
        (f"{stamp}.gitVersion={version}", f"{stamp}.gitMajor={major}", f"{stamp}.gitMinor={minor}"),
    )


KUBERNETES = _kubernetes(KUBERNETES_VERSION)
COREDNS = GoTool("coredns", "github.com/coredns/coredns", "v1.12.4", ("github.com/coredns/coredns",))
HELM = GoTool(
    "helm",
    "helm.sh/helm/v4",
    "v4.3.1",
    ("helm.sh/helm/v4/cmd/helm",),
    ("helm.sh/helm/v4/internal/version.version=v4.3.1",),
)
KUBECONFORM = GoTool(
    "kubeconform", "github.com/yannh/kubeconform", "v0.7.0", ("github.com/yannh/kubeconform/cmd/kubeconform",)
)

GO_TOOLS = (KUBERNETES, COREDNS, HELM, KUBECONFORM)
