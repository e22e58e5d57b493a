"""Certificates and secrets: what is mounted, and whether a server's certificate may be trusted.

No value of a secret ever enters a message; secrets and keys are named.
"""

import contextlib
import ipaddress
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from plantwright_api.wire.config import SECRETS_DIR
from plantwright_gateway.sources.faults import LinkError

T = TypeVar("T")
SECRETS_DIR_VARIABLE = "PLANTWRIGHT_SECRETS_DIR"


class Identity(NamedTuple):
    """The gateway's own certificate and key."""

    certificate: x509.Certificate
    key: RSAPrivateKey

    @property
    def application_uri(self) -> str | None:
        """The URI that the certificate names; a server compares it with the one in CreateSession."""
        uris = _alternative_names(self.certificate, x509.UniformResourceIdentifier)
        return str(uris[0]) if uris else None


class Trust(NamedTuple):
    """Certificates of servers or of their issuers, and the issuers' revocation lists."""

    certificates: Sequence[x509.Certificate]
    revocations: Sequence[x509.CertificateRevocationList] = ()


class Credentials(NamedTuple):
    """A login."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(***)"


def read_secret(secret: str, key: str, field: str) -> bytes:
    """One key of a mounted Secret that a field of `endpoint.security` names.

    Raises:
        LinkError: SecretNotFound, naming Secret, key and field.
    """
    try:
        return (_folder(secret) / key).read_bytes()
    except OSError:
        message = f"Secret {secret} has no key {key}; create it, or mend endpoint.security.{field} (or the plant's)"
        raise LinkError("SecretNotFound", message) from None


def load_identity(
    secret: str, now: datetime, field: str = "certificateSecretRef", whose: str = "the gateway's certificate"
) -> Identity:
    """A certificate and its key from a kubernetes.io/tls Secret that a field of `endpoint.security` names.

    Raises:
        LinkError: SecretNotFound, CertificateExpired, or CertificateRejected where it cannot be read.
    """
    pair = [read_secret(secret, key, field) for key in ("tls.crt", "tls.key")]
    try:
        certificate, key = x509.load_pem_x509_certificate(pair[0]), load_pem_private_key(pair[1], None)
    except (ValueError, TypeError):
        raise LinkError(
            "SecretNotFound", f"Secret {secret}: tls.crt and tls.key must be PEM, without password"
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise LinkError("CertificateRejected", f"Secret {secret}: OPC UA needs an RSA key")
    if key.public_key() != certificate.public_key():
        raise LinkError("CertificateRejected", f"Secret {secret}: tls.key does not belong to tls.crt")
    _check_time(certificate, now, f"{whose} in Secret {secret}")
    return Identity(certificate, key)


def versions(secrets: Iterable[str | None]) -> tuple[tuple[str, int, int, int], ...]:
    """What tells the present content of these Secrets from another; a missing one counts too."""
    found: list[tuple[str, int, int, int]] = []
    for folder in sorted({_folder(secret) for secret in secrets if secret}):
        # A mounted Secret changes by swapping a link; its own helpers begin with two dots.
        for path in sorted(folder.glob("[!.]*")):
            with contextlib.suppress(OSError):
                stat = path.stat()
                found.append((str(path), stat.st_ino, stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def load_trust(secret: str | None) -> Trust:
    """Whom the gateway trusts: every `*.crt` of the Secret, less what a `*.crl` revokes (PEM).

    Raises:
        LinkError: SecretNotFound.
    """
    if secret is None:
        raise LinkError("SecretNotFound", "no server is trusted yet; set endpoint.security.trustSecretRef")
    files = sorted(_folder(secret).glob("*.crt"))
    if not files:
        raise LinkError(
            "SecretNotFound",
            f"Secret {secret} has no key ending in .crt; add the server's certificate, or mend "
            "endpoint.security.trustSecretRef (or the plant's)",
        )
    lists = sorted(_folder(secret).glob("*.crl"))
    certificates = [one for file in files for one in _parsed(secret, file.name, x509.load_pem_x509_certificates)]
    return Trust(certificates, [_parsed(secret, file.name, x509.load_pem_x509_crl) for file in lists])


def _parsed(secret: str, key: str, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(read_secret(secret, key, "trustSecretRef"))
    except ValueError:
        raise LinkError("SecretNotFound", f"Secret {secret}: {key} is not PEM of its kind") from None


def load_credentials(secret: str | None) -> Credentials | None:
    """The login, or None for an anonymous session.

    Raises:
        LinkError: SecretNotFound.
    """
    if secret is None:
        return None
    user, password = (read_secret(secret, key, "credentialsSecretRef") for key in ("username", "password"))
    try:
        return Credentials(user.decode().strip(), password.decode().rstrip("\r\n"))
    except UnicodeDecodeError:
        raise LinkError("SecretNotFound", f"Secret {secret}: username and password must be UTF-8 text") from None


def leaf(chain: bytes | None) -> x509.Certificate:
    """The server's own certificate, the first of what may be a chain in DER.

    Raises:
        LinkError: CertificateNotTrusted, where there is none.
    """
    blob = chain or b""
    try:
        return x509.load_der_x509_certificate(blob[: 4 + int.from_bytes(blob[2:4], "big")])
    except ValueError:
        raise LinkError("CertificateNotTrusted", "the server shows no certificate that can be read") from None


def check_server(certificate: x509.Certificate, trust: Trust, host: str, now: datetime) -> x509.Certificate:
    """Hold a server's certificate to the trust list, its time and the host that was dialled; returns who vouches for it.

    Of several that do, the one that ends last: it may be the server's own.

    Raises:
        LinkError: CertificateNotTrusted or CertificateExpired.
    """
    issuers = [one for one in trust.certificates if one == certificate or _has_issued(one, certificate)]
    if not issuers:
        message = f"the server's certificate {_name(certificate)} is neither in trustSecretRef nor issued by one of it"
        raise LinkError("CertificateNotTrusted", f"{message}; add it if it is the machine's")
    if any(_revokes(one, issuers, certificate) for one in trust.revocations):
        raise LinkError("CertificateNotTrusted", f"the server's certificate {_name(certificate)} is revoked; renew it")
    _check_time(certificate, now, f"the server's certificate {_name(certificate)}")
    if all(not issuer.not_valid_before_utc <= now <= issuer.not_valid_after_utc for issuer in issuers):
        raise LinkError("CertificateExpired", f"the issuer of the server's certificate {_name(certificate)}: renew it")
    if not _names_host(certificate, host):
        message = f"the server's certificate {_name(certificate)} does not name {host}"
        raise LinkError("CertificateNotTrusted", f"{message}; dial a name it has or renew it")
    return max(issuers, key=lambda issuer: issuer.not_valid_after_utc)


def _folder(secret: str) -> Path:
    return Path(os.environ.get(SECRETS_DIR_VARIABLE, SECRETS_DIR)) / secret


def _check_time(certificate: x509.Certificate, now: datetime, what: str) -> None:
    if now > certificate.not_valid_after_utc:
        raise LinkError("CertificateExpired", f"{what} ended on {certificate.not_valid_after_utc:%Y-%m-%d}; renew it")
    if now < certificate.not_valid_before_utc:
        begins = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M}"
        raise LinkError("CertificateExpired", f"{what} is valid from {begins} UTC on; check the clocks")


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    if not _is_authority(issuer):
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _revokes(
    revoked: x509.CertificateRevocationList, issuers: Sequence[x509.Certificate], certificate: x509.Certificate
) -> bool:
    """Whether a list of one of the issuers names the certificate."""
    if revoked.get_revoked_certificate_by_serial_number(certificate.serial_number) is None:
        return False
    keys = [issuer.public_key() for issuer in issuers]
    return any(isinstance(key, RSAPublicKey) and revoked.is_signature_valid(key) for key in keys)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _names_host(certificate: x509.Certificate, host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        names = _alternative_names(certificate, x509.DNSName)
        return host.lower().rstrip(".") in {str(name).lower().rstrip(".") for name in names}
    return address in _alternative_names(certificate, x509.IPAddress)


def _alternative_names(certificate: x509.Certificate, kind: type[x509.GeneralName]) -> list[object]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [name.value for name in names if isinstance(name, kind)]


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()
