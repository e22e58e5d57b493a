"""`python -m plantwright_shopfloor.certificates --out DIR`: certificates for the demo's OPC UA servers and gateways.

One authority; one server certificate per machine, with the DNS names of its Service and its application URI; one client
certificate for the plant's gateways. Beside the PEM files lies `secrets.yaml`, to be applied to a cluster:

* per server, in the servers' namespace: Secret `<machine>-opcua` with tls.crt, tls.key, ca.crt, ca.crl;
* in the plant's namespace: Secret `opcua-client` (tls.crt, tls.key) and Secret `opcua-trust` (ca.crt).

An existing folder is kept as it is, unless --renew is given. Never commit what it holds: these are private keys.
"""

import argparse
import base64
import ipaddress
import json
import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KEY_BITS = 2048
"""What Basic256Sha256 and its successors take at least."""
DAYS = 365
CLIENT_URI = "urn:plantwright:gateway"
SERVERS = ("cell-01", "cell-02", "foreign-opcua")
"""OPC UA servers of the examples."""


class Authority(NamedTuple):
    """A certificate authority."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


class Issued(NamedTuple):
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes


def make_authority(now: datetime) -> Authority:
    """A new self-signed authority."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = _name("Plantwright examples CA")
    usage = _usage(key_cert_sign=True, crl_sign=True)
    builder = _builder(name, name, key, now)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def issue(
    authority: Authority, common_name: str, uri: str, hosts: Iterable[str], now: datetime, *, server: bool
) -> Issued:
    """A certificate as OPC UA part 6 wants an application's: URI and hosts as alternative names, and its key usages."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    issuer = authority.certificate.subject
    role = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    usage = _usage(digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True)
    names = [x509.UniformResourceIdentifier(uri), *(_host(host) for host in hosts)]
    key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = _builder(_name(common_name), issuer, key, now)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([role]), critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    builder = builder.add_extension(key_id, critical=False)
    return Issued(pem(builder.sign(authority.key, hashes.SHA256())), _private_pem(key))


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def revocations(authority: Authority, now: datetime) -> bytes:
    """The authority's list of revoked certificates, in PEM: empty, and some servers want to see that."""
    builder = x509.CertificateRevocationListBuilder(issuer_name=authority.certificate.subject)
    builder = builder.last_update(now - timedelta(minutes=5)).next_update(now + timedelta(days=DAYS))
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def server_hosts(machine: str, namespace: str) -> list[str]:
    """The names under which a machine's Service is known, and the loopback for tries without a cluster."""
    names = [
        machine,
        f"{machine}.{namespace}",
        f"{machine}.{namespace}.svc",
        f"{machine}.{namespace}.svc.cluster.local",
    ]
    return [*names, "localhost", "127.0.0.1"]


def write_all(out: Path, servers: Iterable[str], namespace: str, plant_namespace: str, now: datetime) -> None:
    """Write the files of one authority: `<server>/`, `client/`, `ca.crt`, `secrets.yaml`."""
    authority = make_authority(now)
    trust, revoked = pem(authority.certificate), revocations(authority, now)
    secrets = []
    for server in servers:
        uri = f"urn:plantwright.example:shopfloor:{server}"
        issued = issue(authority, server, uri, server_hosts(server, namespace), now, server=True)
        files = {"tls.crt": issued.certificate, "tls.key": issued.key, "ca.crt": trust, "ca.crl": revoked}
        _write(out / server, files)
        secrets.append(_secret(f"{server}-opcua", namespace, files))
    client = issue(authority, "Plantwright gateways", CLIENT_URI, [], now, server=False)
    files = {"tls.crt": client.certificate, "tls.key": client.key}
    _write(out / "client", files | {"ca.crt": trust})
    secrets.append(_secret("opcua-client", plant_namespace, files))
    secrets.append(_secret("opcua-trust", plant_namespace, {"ca.crt": trust}))
    _write(out, {"ca.crt": trust, "secrets.yaml": "---\n".join(secrets).encode()})


def _builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, now: datetime) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(days=DAYS))


def _usage(**given: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return x509.KeyUsage(**(dict.fromkeys(names, False) | given))


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Plantwright examples"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)


def _secret(name: str, namespace: str, files: dict[str, bytes]) -> str:
    """A Secret's manifest. Values are JSON strings, which YAML reads as they are."""
    data = "".join(f"  {key}: {json.dumps(base64.b64encode(content).decode())}\n" for key, content in files.items())
    return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: {namespace}\ntype: Opaque\ndata:\n{data}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="plantwright_shopfloor.certificates", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--server", action="append", help=f"OPC UA server; default: {', '.join(SERVERS)}")
    parser.add_argument("--namespace", default="shopfloor", help="namespace of the servers")
    parser.add_argument("--plant-namespace", default="plant-stuttgart", help="namespace of the plant")
    parser.add_argument("--renew", action="store_true", help="make new ones where some exist")
    return parser.parse_args()


def main() -> int:
    """Write the certificates, unless they are there."""
    arguments = _arguments()
    if (arguments.out / "secrets.yaml").exists() and not arguments.renew:
        print(f"{arguments.out} is kept; --renew makes new certificates")
        return 0
    servers = arguments.server or SERVERS
    write_all(arguments.out, servers, arguments.namespace, arguments.plant_namespace, datetime.now(UTC))
    print(f"kubectl apply -f {arguments.out / 'secrets.yaml'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
