"""kubectl as a user would call it: the demo does nothing that a person could not do by hand."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

Object = dict[str, Any]


class KubectlError(RuntimeError):
    """A kubectl command failed; the message is what it said."""


class Kubectl:
    """kubectl against one cluster."""

    def __init__(self, binary: Path | str, kubeconfig: Path | str) -> None:
        self.binary = str(binary)
        self.kubeconfig = str(kubeconfig)

    def run(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """Run one command and return what it printed.

        Raises:
            KubectlError: with its error output, when it exits non-zero.
        """
        done = subprocess.run(
            [self.binary, *arguments],
            env={**os.environ, "KUBECONFIG": self.kubeconfig},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments[:4])}: {done.stderr.strip()[:2000]}")
        return done.stdout

    def apply(self, *paths: Path) -> str:
        """Apply files or folders by server-side apply, as Argo CD and Flux do."""
        files = [argument for path in paths for argument in ("-f", str(path))]
        return self.run("apply", "--server-side", "--force-conflicts", *files)

    def apply_text(self, text: str) -> str:
        """Apply YAML or JSON given as text."""
        return self.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)

    def get(self, kind: str, namespace: str | None = None, name: str | None = None, selector: str = "") -> Object:
        """One object, or the list of a kind (all namespaces when none is given)."""
        where = ["-n", namespace] if namespace else ["-A"]
        named = [name] if name else []
        chosen = ["-l", selector] if selector else []
        found: Object = json.loads(self.run("get", kind, *named, *where, *chosen, "-o", "json"))
        return found

    def items(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Object]:
        """All objects of a kind."""
        found: list[Object] = self.get(kind, namespace, selector=selector)["items"]
        return found

    def service(self, namespace: str, service: str, port: int | str, path: str) -> bytes:
        """GET a path of a service through the API server, so that it works wherever the API server does."""
        return self.run(
            "get", "--raw", f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy{path}"
        ).encode()


def condition(item: Object, type_: str) -> Object:
    """One condition of an object; an Unknown one where it is missing."""
    for found in item.get("status", {}).get("conditions", ()):
        if found["type"] == type_:
            return dict(found)
    return {"type": type_, "status": "Unknown", "reason": "", "message": ""}


def is_true(item: Object, type_: str) -> bool:
    """Whether a condition is True for the object's present generation."""
    found = condition(item, type_)
    return bool(
        found["status"] == "True" and found.get("observedGeneration", 0) >= item["metadata"].get("generation", 0)
    )
