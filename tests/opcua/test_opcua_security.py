"""Secured channels with real certificates; who is not to be trusted is not talked to, and the reason is named."""

import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

pytestmark = pytest.mark.slow

POLICIES = {
    "Basic256Sha256": "Basic256Sha256",
    "Aes128_Sha256_RsaOaep": "Aes128Sha256RsaOaep",
    "Aes256_Sha256_RsaPss": "Aes256Sha256RsaPss",
}
SECRET_WORD = "hunter2-very-secret"


class Pair:
    """A certificate and its key."""

    def __init__(self, certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> None:
        self.certificate, self.key = certificate, key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def make(
    name: str,
    *,
    issuer: Pair | None = None,
    ca: bool = False,
    host: str = "127.0.0.1",
    days: tuple[int, int] = (-1, 30),
) -> Pair:
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    address: x509.GeneralName = x509.DNSName(host)
    if host[0].isdigit():
        address = x509.IPAddress(ipaddress.ip_address(host))
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:test:{name}"), address])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(names, critical=False)
    )
    return Pair(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


@pytest.fixture(scope="module")
def pairs() -> dict[str, Pair]:
    authority = make("authority", ca=True)
    return {
        "authority": authority,
        "gateway": make("gateway"),
        "server": make("server", issuer=authority),
        "self-signed": make("self-signed"),
        "expired": make("expired", issuer=authority, days=(-30, -1)),
        "other host": make("other-host", issuer=authority, host="press.acme.example"),
        "no authority": make("not-an-authority", issuer=make("authority")),
    }


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pairs: dict[str, Pair]) -> Callable[..., None]:
    """`secrets(trusted="authority")`: mounted Secrets `cert`, `trust` and `login`."""
    monkeypatch.setenv("PLANTWRIGHT_SECRETS_DIR", str(tmp_path / "secrets"))

    def mount(trusted: str = "authority", identity: str = "gateway") -> None:
        content = {
            "cert/tls.crt": pairs[identity].pem,
            "cert/tls.key": pairs[identity].key_pem,
            "trust/machine.crt": pairs[trusted].pem,
            "login/username": b"reader",
            "login/password": SECRET_WORD.encode(),
        }
        for name, data in content.items():
            path = tmp_path / "secrets" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    return mount


@pytest.fixture
def secured(plc, tmp_path: Path, pairs: dict[str, Pair]) -> Callable[..., object]:
    """`await secured("server", policy="…")`: a server with this certificate and one secured endpoint."""

    async def start(
        pair: str = "server", policy: str = "Basic256Sha256", mode: str = "SignAndEncrypt", validator=None, users=None
    ) -> None:
        async def prepare(server) -> None:
            (tmp_path / "server.pem").write_bytes(pairs[pair].pem)
            (tmp_path / "server-key.pem").write_bytes(pairs[pair].key_pem)
            await server.set_application_uri(f"urn:test:{pair}")
            await server.load_certificate(str(tmp_path / "server.pem"))
            await server.load_private_key(str(tmp_path / "server-key.pem"))
            server.set_security_policy([getattr(ua.SecurityPolicyType, f"{POLICIES[policy]}_{mode}")])
            if validator:
                server.set_certificate_validator(validator)
            if users:
                server.iserver.user_manager = users

        await plc.start({"a": 1}, prepare=prepare)

    return start


SECURITY = {"security_mode": "SignAndEncrypt", "certificate_secret": "cert", "trust_secret": "trust"}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("mode", ["SignAndEncrypt", "Sign"])
async def test_a_trusted_server_is_read_under_each_policy(
    policy, mode, plc, secured, secrets, signal, reading, recorder
):
    secrets()
    await secured(policy=policy, mode=mode)
    await reading(plc.url, [signal("a")], **SECURITY | {"security_policy": policy, "security_mode": mode})
    await recorder.until(lambda: recorder.values("a") == [1])
    assert recorder.reasons == ["Connecting", "SessionUp"]


async def test_a_secured_session_is_resumed_after_a_cut(plc, wire, secured, secrets, signal, reading, recorder):
    secrets()
    await secured()
    proxy = await wire()
    await reading(proxy.url, [signal("a")], **SECURITY)
    await recorder.until(lambda: recorder.values("a") == [1])
    proxy.cut()
    await plc.write("a", 2)
    await recorder.until(lambda: recorder.values("a") == [1, 2])
    assert recorder.gaps == []


@pytest.mark.parametrize(
    ("pair", "trusted", "reason", "words"),
    [
        pytest.param("self-signed", "self-signed", "SessionUp", "", id="pinned itself"),
        pytest.param("self-signed", "authority", "CertificateNotTrusted", "trustSecretRef", id="self-signed"),
        pytest.param("no authority", "authority", "CertificateNotTrusted", "trustSecretRef", id="same issuer name"),
        pytest.param("expired", "authority", "CertificateExpired", "renew", id="expired"),
        pytest.param("other host", "authority", "CertificateNotTrusted", "does not name 127.0.0.1", id="other host"),
    ],
)
async def test_whom_the_gateway_trusts(pair, trusted, reason, words, plc, secured, secrets, signal, reading, recorder):
    secrets(trusted)
    await secured(pair)
    await reading(plc.url, [signal("a")], **SECURITY)
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.reasons[1] == reason
    assert words in recorder.connections[1][2]
    assert (recorder.samples == []) or reason == "SessionUp"


async def test_a_policy_that_is_not_offered_is_not_replaced_by_a_weaker_one(
    plc, secured, secrets, signal, reading, recorder
):
    secrets()
    await secured(policy="Basic256Sha256", mode="Sign")
    await reading(plc.url, [signal("a")], **SECURITY)
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.reasons[1] == "SecurityModeUnavailable"
    assert "only Sign Basic256Sha256" in recorder.connections[1][2]


async def test_a_server_that_refuses_the_gateways_certificate(plc, secured, secrets, signal, reading, recorder):
    async def refuse(certificate, description) -> None:
        raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    secrets()
    await secured(validator=refuse)
    await reading(plc.url, [signal("a")], **SECURITY)
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.reasons[1] == "CertificateRejected"


class Users:
    """Lets in one user."""

    def __init__(self, password: str) -> None:
        self.password = password

    def get_user(self, iserver, username=None, password=None, certificate=None):
        if (username, password) == ("reader", self.password):
            return User(role=UserRole.User)
        return None


@pytest.mark.parametrize(("expected", "reason"), [(SECRET_WORD, "SessionUp"), ("another", "CredentialsRejected")])
async def test_a_login(expected, reason, plc, secured, secrets, signal, reading, recorder, capfd, caplog):
    caplog.set_level("DEBUG", logger="plantwright_gateway")
    secrets()
    await secured(users=Users(expected))
    await reading(plc.url, [signal("a")], **SECURITY, credentials_secret="login")
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.reasons[1] == reason
    shown = "".join([*capfd.readouterr(), caplog.text, str(recorder.connections)])
    assert SECRET_WORD not in shown
    assert "PRIVATE KEY" not in shown


async def test_a_login_never_goes_over_an_open_channel(plc, wire, secrets, signal, reading, recorder):
    secrets()
    await plc.start({"a": 1})
    proxy = await wire()
    await reading(proxy.url, [signal("a")], credentials_secret="login")
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.reasons[1] == "CredentialsRejected"
    assert proxy.services == []


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("cert/tls.key", "Secret cert has no key tls.key"),
        ("trust/machine.crt", "Secret trust has no key ending in .crt"),
        ("login/password", "Secret login has no key password"),
    ],
)
async def test_a_missing_secret_is_named_and_found_when_it_appears(
    missing, words, plc, secured, secrets, tmp_path, signal, reading, recorder
):
    secrets()
    await secured(users=Users(SECRET_WORD))
    path = tmp_path / "secrets" / missing
    content = path.read_bytes()
    path.unlink()
    await reading(plc.url, [signal("a")], **SECURITY, credentials_secret="login")
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.connections[1][1] == "SecretNotFound"
    assert words in recorder.connections[1][2]
    path.write_bytes(content)
    await recorder.until(lambda: recorder.values("a") == [1])


async def test_a_revoked_server_is_not_trusted(plc, secured, secrets, tmp_path, pairs, signal, reading, recorder):
    secrets()
    now, authority = datetime.now(UTC), pairs["authority"]
    revoked = x509.RevokedCertificateBuilder().serial_number(pairs["server"].certificate.serial_number)
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now)
        .next_update(now + timedelta(days=1))
        .add_revoked_certificate(revoked.revocation_date(now).build())
        .sign(authority.key, hashes.SHA256())
    )
    (tmp_path / "secrets/trust/authority.crl").write_bytes(crl.public_bytes(serialization.Encoding.PEM))
    await secured()
    await reading(plc.url, [signal("a")], **SECURITY)
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.reasons[1] == "CertificateNotTrusted"
    assert "revoked" in recorder.connections[1][2]


async def test_an_expired_certificate_of_our_own_and_a_foreign_key(
    plc, secured, secrets, tmp_path, pairs, signal, reading, recorder
):
    secrets(identity="expired")
    await secured()
    await reading(plc.url, [signal("a")], **SECURITY)
    await recorder.until(lambda: "CertificateExpired" in recorder.reasons)
    secrets()
    (tmp_path / "secrets/cert/tls.key").write_bytes(pairs["server"].key_pem)
    await recorder.until(lambda: "CertificateRejected" in recorder.reasons)
    assert "does not belong" in recorder.connections[-1][2]
