"""What people and metrics are told of a certificate."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from plantwright_gateway.ports.source import Certificate, CertificateUse

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_SUBJECT = 200


def described(certificate: x509.Certificate, use: CertificateUse, secret: str = "") -> Certificate:
    """The certificate in words; `secret` is where it comes from.

    Servers' own tools show the SHA-1 (OPC UA calls it the thumbprint); whoever decides on trust compares the SHA-256.
    """
    return Certificate(
        use=use,
        subject=certificate.subject.rfc4514_string()[:LONGEST_SUBJECT],
        sha256=_colons(certificate.fingerprint(hashes.SHA256())),
        sha1=_colons(certificate.fingerprint(hashes.SHA1())),  # noqa: S303 a name for people, not a proof
        end_ns=int((certificate.not_valid_after_utc - EPOCH).total_seconds()) * 1_000_000_000,
        pem=certificate.public_bytes(Encoding.PEM).decode(),
        secret=secret,
    )


def _colons(digest: bytes) -> str:
    return digest.hex(":").upper()
