"""Secured channels with real certificates; who is not to be trusted is not talked to, and the reason is named."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_session import InternalSession
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

pytestmark = pytest.mark.slow

POLICIES = {
    "Basic256Sha256": "Basic256Sha256",
    "Aes128_Sha256_RsaOaep": "Aes128Sha256RsaOaep",
    "Aes256_Sha256_RsaPss": "Aes256Sha256RsaPss",
}
SECRET_WORD = "hunter2-very-secret"


SHOWN = {
    ("self-signed", "self-signed"): "a self-signed certificate that is pinned is let in: {}",
    ("self-signed", "authority"): "self-signed certificate refused: {}",
    ("no authority", "authority"): "wrong certificate, its issuer named like the trusted one, refused: {}",
    ("expired", "authority"): "expired certificate refused: {}",
    ("other host", "authority"): "certificate of another host refused: {}",
}
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
@pytest.mark.row("B10")
async def test_whom_the_gateway_trusts(
    pair, trusted, reason, words, plc, secured, secrets, signal, reading, recorder, measured
):
    secrets(trusted)
    await secured(pair)
    await reading(plc.url, [signal("a")], **SECURITY)
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.reasons[1] == reason
    assert words in recorder.connections[1][2]
    assert (recorder.samples == []) or reason == "SessionUp"
    measured(SHOWN[pair, trusted].format(reason))


@pytest.mark.row("B10")
async def test_a_policy_that_is_not_offered_is_not_replaced_by_a_weaker_one(
    plc, secured, secrets, signal, reading, recorder, measured
):
    secrets()
    await secured(policy="Basic256Sha256", mode="Sign")
    await reading(plc.url, [signal("a")], **SECURITY)
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.reasons[1] == "SecurityModeUnavailable"
    assert "only Sign Basic256Sha256" in recorder.connections[1][2]
    measured("downgrade from SignAndEncrypt to Sign in GetEndpoints refused: SecurityModeUnavailable")


@pytest.mark.row("B10")
async def test_a_downgrade_to_none_in_the_endpoints_is_refused(plc, wire, secrets, signal, reading, recorder, measured):
    secrets()
    await plc.start({"a": 1})
    proxy = await wire()
    await reading(proxy.url, [signal("a")], credentials_secret="login", **SECURITY)
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.reasons[1] == "SecurityModeUnavailable"
    assert "only None_ None" in recorder.connections[1][2]
    assert proxy.services.count(ua.ObjectIds.GetEndpointsRequest_Encoding_DefaultBinary) >= 1
    assert ua.ObjectIds.CreateSessionRequest_Encoding_DefaultBinary not in proxy.services
    assert SECRET_WORD.encode() not in proxy.sent
    assert recorder.samples == []
    measured(
        f"downgrade to None in GetEndpoints refused: {recorder.reasons[1]}, no password in {len(proxy.sent):,} bytes"
    )


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


@pytest.mark.row("B10")
@pytest.mark.parametrize("mode", ["SignAndEncrypt", "Sign"])
async def test_no_password_is_on_the_wire(mode, plc, wire, secured, secrets, signal, reading, recorder, measured):
    """On a channel that only signs, who listens may read the user's name but not the password."""
    secrets()
    await secured(mode=mode, users=Users(SECRET_WORD))
    proxy = await wire()
    await reading(proxy.url, [signal("a")], credentials_secret="login", **SECURITY | {"security_mode": mode})
    await recorder.until(lambda: recorder.values("a") == [1])
    assert (b"reader" in proxy.sent) == (mode == "Sign")
    assert SECRET_WORD.encode() not in proxy.sent
    measured(f"login over {mode}: no password in {len(proxy.sent):,} bytes captured")


@pytest.mark.row("B10")
async def test_a_password_in_clear_is_refused_though_the_endpoints_asked_before_promised_otherwise(
    plc, wire, secured, secrets, signal, reading, recorder, monkeypatch, measured
):
    """Who changes the answer to GetEndpoints on its way must not get a password; what counts is said within the session."""
    create, asked = InternalSession.create_session, []

    async def in_clear(self, params, sockname=None):
        result = await create(self, params, sockname)
        for endpoint in result.ServerEndpoints:
            for token in endpoint.UserIdentityTokens:
                token.SecurityPolicyUri = "http://opcfoundation.org/UA/SecurityPolicy#None"
        return result

    class Asked(Users):
        def get_user(self, iserver, username=None, password=None, certificate=None):
            asked.append(username)
            return super().get_user(iserver, username, password, certificate)

    monkeypatch.setattr(InternalSession, "create_session", in_clear)
    secrets()
    await secured(mode="Sign", users=Asked(SECRET_WORD))
    proxy = await wire()
    await reading(proxy.url, [signal("a")], credentials_secret="login", **SECURITY | {"security_mode": "Sign"})
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.connections[1][1] == "CredentialsRejected"
    assert "clear text" in recorder.connections[1][2]
    assert asked == []
    assert SECRET_WORD.encode() not in proxy.sent
    measured("downgrade of the password to clear text refused: CredentialsRejected, no password in the bytes captured")


@pytest.mark.row("B10")
async def test_an_endpoint_that_points_elsewhere_is_not_followed(
    plc, secured, secrets, signal, reading, recorder, monkeypatch, measured
):
    ask, dialled = InternalSession.get_endpoints, []

    async def elsewhere(reader, writer) -> None:
        dialled.append(writer)
        writer.close()

    trap = await asyncio.start_server(elsewhere, "127.0.0.1", 0)
    port = trap.sockets[0].getsockname()[1]

    async def pointing(self, params=None, sockname=None):
        endpoints = await ask(self, params, sockname)
        return [dataclasses.replace(each, EndpointUrl=f"opc.tcp://127.0.0.1:{port}") for each in endpoints]

    monkeypatch.setattr(InternalSession, "get_endpoints", pointing)
    secrets()
    await secured()
    await reading(plc.url, [signal("a")], **SECURITY)
    await recorder.until(lambda: recorder.values("a") == [1])
    trap.close()
    assert dialled == []
    measured("endpoint URL that points elsewhere not followed: 0 connections there, SessionUp where it was configured")


@pytest.mark.row("B10")
async def test_a_login_never_goes_over_an_open_channel(plc, wire, secrets, signal, reading, recorder, measured):
    secrets()
    await plc.start({"a": 1})
    proxy = await wire()
    await reading(proxy.url, [signal("a")], credentials_secret="login")
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.reasons[1] == "CredentialsRejected"
    assert proxy.services == []
    assert SECRET_WORD.encode() not in proxy.sent
    measured(f"login over an open channel refused: CredentialsRejected, {len(proxy.sent)} bytes sent")


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


@pytest.mark.row("B10")
async def test_a_revoked_server_is_not_trusted(
    plc, secured, secrets, tmp_path, pairs, signal, reading, recorder, measured
):
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
    measured("revoked certificate refused: CertificateNotTrusted")


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
