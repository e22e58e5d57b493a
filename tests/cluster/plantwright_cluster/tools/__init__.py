"""The programs a local cluster is made of, built once from source into the cache folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from plantwright_cluster.commands import ClusterError
from plantwright_cluster.progress import Progress
from plantwright_cluster.tools import building, table, toolchain
from plantwright_cluster.tools.table import COREDNS, GO_TOOLS, HELM, KUBECONFORM, KUBERNETES, GoTool

__all__ = ["COREDNS", "GO_TOOLS", "HELM", "KUBECONFORM", "KUBERNETES", "Tools", "build_tools", "tools"]


def _homes() -> dict[str, GoTool]:
    return {program: tool for tool in table.GO_TOOLS for program in tool.programs}


@dataclass(frozen=True)
class Tools:
    """Where each program is. A path is handed out whether or not the program is built; `require` checks."""

    assets: Path | None = None
    """A folder somebody already has with etcd and kube-apiserver (KUBEBUILDER_ASSETS); it wins where it has the program."""

    def path(self, program: str) -> Path:
        """Return the path of a program we build."""
        if self.assets and (self.assets / program).exists():
            return self.assets / program
        return building.programs_folder(_homes()[program]) / program

    def require(self, program: str) -> Path:
        """Return the path of a program, or tell how to get it."""
        path = self.path(program)
        if not path.exists():
            raise ClusterError(f"{program} is not built yet; run: python -m plantwright_cluster tools")
        return path

    @property
    def kubectl(self) -> Path:
        """Return kubectl's path."""
        return self.require("kubectl")

    @property
    def helm(self) -> Path:
        """Return helm's path."""
        return self.require("helm")

    @property
    def kubeconform(self) -> Path:
        """Return kubeconform's path."""
        return self.require("kubeconform")


def tools(env: Mapping[str, str] = os.environ) -> Tools:
    """Return where the programs are on this machine."""
    assets = env.get("KUBEBUILDER_ASSETS")
    return Tools(Path(assets) if assets else None)


def build_tools(progress: Progress, wanted: Iterable[GoTool] = GO_TOOLS) -> None:
    """Build what is not in the cache yet; returns at once when all is there."""
    needed = [tool for tool in wanted if not building.is_built(tool)]
    if not needed:
        return
    progress.expect(2 * len(needed))
    go = toolchain.find_go(progress)
    for tool in needed:
        building.build(go, tool, progress)
