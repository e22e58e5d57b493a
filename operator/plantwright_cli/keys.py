"""Certificates and keys from a user's files, laid out as a gateway finds its Secrets. Nothing is copied: links only.

`discover` and `check` take the same options for them.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from plantwright_cli.errors import UserError
from plantwright_gateway.sources.opcua.certificates import SECRETS_DIR_VARIABLE

Secrets = Mapping[str, Mapping[str, str]]
"""Name of a Secret -> key -> file."""

CertificateOption = Annotated[str | None, typer.Option("--certificate", help="Our certificate, PEM.")]
KeyOption = Annotated[str | None, typer.Option("--key", help="Its private key, PEM without password.")]
TrustOption = Annotated[str | None, typer.Option("--trust", help="The server's certificate or its authority's, PEM.")]
CERTIFICATE, TRUST = "certificate", "trust"
"""Names of the Secrets that `encrypted` gives."""


def encrypted(
    why: str, certificate: str | None, key: str | None, trust: str | None, otherwise: str = ""
) -> dict[str, dict[str, str]]:
    """The Secrets of a session that is signed and encrypted. Where an option is missing, the message says why it is needed
    and what could be done otherwise.

    Raises:
        UserError: one of the three is missing.
    """
    if certificate is None or key is None or trust is None:
        raise UserError(f"{why}: give --certificate, --key and --trust{otherwise}")
    return {CERTIFICATE: {"tls.crt": certificate, "tls.key": key}, TRUST: {"ca.crt": trust}}


@contextlib.contextmanager
def mounted(secrets: Secrets) -> Iterator[None]:
    """For as long as the context lasts, the gateway's sources find these Secrets.

    Raises:
        UserError: a file is not there.
    """
    before = os.environ.get(SECRETS_DIR_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="plantwright-") as folder:
        for secret, files in secrets.items():
            (Path(folder) / secret).mkdir()
            for key, file in files.items():
                (Path(folder) / secret / key).symlink_to(_existing(file))
        os.environ[SECRETS_DIR_VARIABLE] = folder
        try:
            yield
        finally:
            os.environ.pop(SECRETS_DIR_VARIABLE)
            if before is not None:
                os.environ[SECRETS_DIR_VARIABLE] = before


def _existing(file: str) -> Path:
    path = Path(file).resolve()
    if not path.is_file():
        raise UserError(f"{file}: there is no such file; name a PEM file")
    return path
