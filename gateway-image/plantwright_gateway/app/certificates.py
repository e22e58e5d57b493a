"""Certificates that connections rest on: those in sinks' Secrets are looked at here, a source tells of its own."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from plantwright_api.wire.config import HttpSink, MqttSink
from plantwright_gateway.context.times import rfc3339
from plantwright_gateway.ports.source import Certificate, CertificateUse
from plantwright_gateway.sinks.secrets import secrets_dir

_Version = tuple[int, int, int]


class MountedCertificates:
    """Reads certificates in mounted Secrets, each again only when its file has changed."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, CertificateUse], tuple[_Version, Certificate | None]] = {}

    def of(self, sinks: Iterable[HttpSink | MqttSink]) -> list[Certificate]:
        """Those of sinks; what is missing or unreadable is told by the sink itself."""
        named = {place for sink in sinks for place in _places(sink)}
        found = (self._certificate(secret, key, use) for secret, key, use in sorted(named))
        return [each for each in found if each is not None]

    def _certificate(self, secret: str, key: str, use: CertificateUse) -> Certificate | None:
        path = secrets_dir() / secret / key
        try:
            stat = path.stat()
            version = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            known = self._read.get((secret, use))
            if known is None or known[0] != version:
                known = self._read[secret, use] = (version, _parse(path, use, secret))
        except OSError:
            return None
        return known[1]


def end_of(certificate: Certificate) -> str:
    """When it ends, RFC 3339 UTC; X.509 knows whole seconds."""
    return rfc3339(certificate.end_ns).replace(".000000Z", "Z")


def page(machine: str, certificates: Sequence[Certificate]) -> str:
    """A machine's certificates for a person, each with its PEM."""
    return "".join(
        f"# machine {machine}, {each.use}{f', Secret {each.secret}' if each.secret else ''}\n"
        f"# subject: {each.subject}\n# ends: {end_of(each)}\n"
        f"# SHA-256: {each.sha256}\n# SHA-1 (OPC UA thumbprint): {each.sha1}\n{each.pem}\n"
        for each in certificates
    )


def _places(sink: HttpSink | MqttSink) -> Iterator[tuple[str, str, CertificateUse]]:
    if sink.certificate_secret:
        yield sink.certificate_secret, "tls.crt", "SinkClient"
    if sink.ca_secret:
        yield sink.ca_secret, "ca.crt", "SinkAuthority"


def _parse(path: Path, use: CertificateUse, secret: str) -> Certificate | None:
    """Our own certificate stands first; of several authorities the last to end decides when nobody is trusted any more."""
    # Here, since it costs megabytes that a gateway without certificates does not need.
    from cryptography import x509

    from plantwright_gateway.sources.described import described

    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError:
        return None
    chosen = found[0] if use == "SinkClient" else max(found, key=lambda each: each.not_valid_after_utc)
    return described(chosen, use, secret)
