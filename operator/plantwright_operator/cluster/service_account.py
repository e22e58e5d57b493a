"""The pod's own credentials: where the API server is, whom to trust, and a token that the kubelet renews about hourly."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def is_mounted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process runs in a pod of the cluster that it works for."""
    return bool(environ.get("KUBERNETES_SERVICE_HOST"))


class ServiceAccount:
    """The credentials of a pod. The token is read at each use, since an old one may end at any time.

    Raises:
        OSError: there is no token.
        KeyError: the environment does not name the API server's port.
    """

    def __init__(self, folder: Path | None = None, environ: Mapping[str, str] = os.environ) -> None:
        folder = folder or FOLDER
        host, port = environ["KUBERNETES_SERVICE_HOST"], environ["KUBERNETES_SERVICE_PORT"]
        self.server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        self.ca_file = str(folder / "ca.crt")
        self._path = folder / "token"
        self._last = self._path.read_text(encoding="utf-8").strip()

    def token(self) -> str:
        """The token as it is now; the last one known where the file cannot be read or is empty for a moment."""
        with contextlib.suppress(OSError):
            self._last = self._path.read_text(encoding="utf-8").strip() or self._last
        return self._last
