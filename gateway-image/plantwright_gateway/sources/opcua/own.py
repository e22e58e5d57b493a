"""The certificate that a gateway makes for itself where nobody gave it one.

It lies beside the buffer, so that it survives what the buffer survives, and its key never leaves the volume. A person
trusts it at the machine once; it is made anew only when it has ended or its files cannot be read.
"""

import contextlib
import os
import socket
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from plantwright_api.wire.config import BUFFER_DIR
from plantwright_gateway.sources.faults import LinkError
from plantwright_gateway.sources.opcua.certificates import Identity

BUFFER_DIR_VARIABLE = "PLANTWRIGHT_BUFFER_DIR"
KEY_BITS = 2048
"""What every policy and every server takes."""
VALID_FOR = timedelta(days=3650)
"""Whoever wants shorter gives a Secret that cert-manager renews; each renewal of this one needs a person at the machine."""
BACKDATED = timedelta(days=1)
"""Machines' clocks are often behind."""
LONGEST_NAME = 64
"""Characters that X.509 allows for a common name."""


def load_or_make(machine: str, now: datetime) -> Identity:
    """The gateway's own certificate for this machine, made where there is none; takes up to a second.

    Raises:
        LinkError: SecretNotFound, where it cannot be kept.
    """
    path = Path(os.environ.get(BUFFER_DIR_VARIABLE, BUFFER_DIR)) / f"opcua-{machine}.pem"
    kept = _load(path, now)
    if kept is not None:
        return kept
    made = _make(machine, now)
    try:
        _keep(path, made)
    except OSError as error:
        message = (
            f"no certificate of the gateway can be kept ({error.strerror}); set endpoint.security.certificateSecretRef"
        )
        raise LinkError("SecretNotFound", message) from None
    return made


def _load(path: Path, now: datetime) -> Identity | None:
    """What is kept; None where it is missing, broken or ended."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        content = path.read_bytes()
        certificate, key = x509.load_pem_x509_certificate(content), load_pem_private_key(content, None)
        if isinstance(key, rsa.RSAPrivateKey) and key.public_key() == certificate.public_key():
            return Identity(certificate, key) if now < certificate.not_valid_after_utc else None
    return None


def _keep(path: Path, identity: Identity) -> None:
    """Both in one file, put in place at once: a crash leaves no half of a pair."""
    key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".opcua-")  # for the owner's eyes only
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key + identity.certificate.public_bytes(Encoding.PEM))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _make(machine: str, now: datetime) -> Identity:
    key = rsa.generate_private_key(65537, KEY_BITS)
    title = f"Plantwright gateway of {machine}"[:LONGEST_NAME]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    names = [
        x509.UniformResourceIdentifier(f"urn:plantwright.io:gateway:{machine}"),
        x509.DNSName(socket.gethostname() or "gateway"),
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Identity(builder.sign(key, hashes.SHA256()), key)


def _usage() -> x509.KeyUsage:
    """As OPC 10000-6, 6.2.2, asks of an application's certificate."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
