"""Keys and certificates of one cluster, made with the openssl command: an authority, a server and the clients.

Kubernetes reads a client's name from the certificate's CN and its groups from O.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from plantwright_cluster.commands import run

__all__ = ["Authority", "Identity", "kubeconfig"]

_DAYS = "365"
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Identity:
    """Who a certificate speaks for."""

    user: str
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Host names of a server; a client has none."""
    ips: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """Return the subject as openssl wants it; a slash inside a value must be escaped."""
        parts = [*(f"O={group}" for group in self.groups), f"CN={self.user}"]
        return "".join("/" + part.replace("/", r"\/") for part in parts)

    @property
    def extensions(self) -> list[str]:
        """Return what the certificate may be used for."""
        usage = "serverAuth" if self.names or self.ips else "clientAuth"
        others = [*(f"DNS:{name}" for name in self.names), *(f"IP:{ip}" for ip in self.ips)]
        alternative = [f"subjectAltName={','.join(others)}"] if others else []
        return [f"extendedKeyUsage={usage}", "basicConstraints=critical,CA:FALSE", *alternative]


def _added(extensions: Iterable[str]) -> list[str]:
    return [word for extension in extensions for word in ("-addext", extension)]


@dataclass(frozen=True)
class Authority:
    """The folder of a cluster's certificates; every pair is made once and then found again."""

    folder: Path

    def certificate(self, name: str) -> Path:
        """Return the path of a certificate."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Return the path of a private key."""
        return self.folder / f"{name}.key"

    @property
    def ca(self) -> Path:
        """Return the authority's own certificate."""
        return self.certificate("ca")

    def _request(self, name: str, subject: str, words: Sequence[str | Path]) -> None:
        out = ("-keyout", self.key(name), "-out", self.certificate(name))
        run(["openssl", "req", "-x509", *_NEW_KEY, "-days", _DAYS, "-subj", subject, *out, *words])
        self.key(name).chmod(0o600)

    def create(self) -> None:
        """Make the authority and the key pair that signs service account tokens."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._request("ca", "/CN=plantwright-test", _added(["keyUsage=critical,keyCertSign,cRLSign,digitalSignature"]))
        self._request("service-accounts", "/CN=service-accounts", [])
        run(
            [
                "openssl",
                "pkey",
                "-in",
                self.key("service-accounts"),
                "-pubout",
                "-out",
                self.folder / "service-accounts.pub",
            ]
        )

    @property
    def service_accounts(self) -> Path:
        """Return the public key that checks service account tokens."""
        return self.folder / "service-accounts.pub"

    def issue(self, name: str, identity: Identity) -> None:
        """Sign a certificate for somebody, once."""
        if self.certificate(name).exists():
            return
        signed = ("-CA", self.ca, "-CAkey", self.key("ca"))
        self._request(name, identity.subject, [*signed, *_added(identity.extensions)])


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def kubeconfig(authority: Authority, name: str, server: str, cluster: str) -> str:
    """Return a kubeconfig that needs no other file, so that it can be copied anywhere (JSON is YAML too)."""
    client = {
        "client-certificate-data": _encoded(authority.certificate(name)),
        "client-key-data": _encoded(authority.key(name)),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": cluster, "cluster": {"server": server, "certificate-authority-data": _encoded(authority.ca)}}
        ],
        "users": [{"name": name, "user": client}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": name}}],
        "current-context": cluster,
    }
    return json.dumps(content, indent=2) + "\n"
