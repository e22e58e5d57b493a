"""Reads mounted secrets anew when they change. Their values never enter a message."""

import os
import ssl
from pathlib import Path

from plantwright_api.wire.config import SECRETS_DIR
from plantwright_gateway.ports.sink import SinkUnavailable

SECRETS_DIR_VARIABLE = "PLANTWRIGHT_SECRETS_DIR"


def secrets_dir() -> Path:
    """The folder that secrets are mounted in."""
    return Path(os.environ.get(SECRETS_DIR_VARIABLE, SECRETS_DIR))


class SecretFile:
    """One key of one secret. `version` changes whenever the content may have changed."""

    def __init__(self, secret: str, key: str) -> None:
        self.path = secrets_dir() / secret / key
        self._name = f"Secret {secret}, key {key}"

    def version(self) -> tuple[int, int, int]:
        """What tells one content from another: inode, time and size.

        Raises:
            SinkUnavailable: the secret or its key is missing.
        """
        try:
            found = self.path.stat()
        except OSError as error:
            raise SinkUnavailable(f"SecretNotFound: {self._name} is not mounted") from error
        return (found.st_ino, found.st_mtime_ns, found.st_size)

    def read(self) -> str:
        """The content without surrounding white space.

        Raises:
            SinkUnavailable: it is missing or no text.
        """
        try:
            return self.path.read_text().strip()
        except OSError as error:
            raise SinkUnavailable(f"SecretNotFound: {self._name} cannot be read") from error
        except ValueError as error:
            raise SinkUnavailable(f"{self._name} is no text") from error


class TlsSecrets:
    """The secrets that a TLS connection rests on: an authority and a certificate of our own, both optional."""

    def __init__(self, ca_secret: str | None, certificate_secret: str | None) -> None:
        self._ca = SecretFile(ca_secret, "ca.crt") if ca_secret else None
        self._name = certificate_secret
        keys = ("tls.crt", "tls.key") if certificate_secret else ()
        self._own = tuple(SecretFile(certificate_secret or "", key) for key in keys)

    def versions(self) -> tuple[tuple[int, int, int], ...]:
        """What tells the present content from another.

        Raises:
            SinkUnavailable: a secret or a key of it is missing.
        """
        return tuple(file.version() for file in (*([self._ca] if self._ca else []), *self._own))

    def context(self) -> ssl.SSLContext:
        """A context with what the secrets hold now.

        Raises:
            SinkUnavailable: a secret is missing or cannot be used.
        """
        context = _trusting(self._ca)
        if self._own:
            certificate, key = self._own
            try:
                # A password is never asked for: nobody would be there to give it.
                context.load_cert_chain(certificate.path, key.path, password=lambda: b"")
            except (OSError, ValueError) as error:
                message = f"Secret {self._name}: tls.crt and tls.key are no pair in PEM without password"
                raise SinkUnavailable(message) from error
        return context


def _trusting(ca: SecretFile | None) -> ssl.SSLContext:
    """A TLS context that trusts the secret's authority alone, or the system's where there is none."""
    if ca is None:
        return ssl.create_default_context()
    pem = ca.read()
    try:
        # An empty text would make the ssl module trust the system's authorities.
        context = ssl.create_default_context(cadata=pem) if pem else None
    except (ssl.SSLError, ValueError, TypeError):
        context = None
    if context is None:
        raise SinkUnavailable(f"{ca.path.parent.name}/{ca.path.name} holds no certificate")
    return context
