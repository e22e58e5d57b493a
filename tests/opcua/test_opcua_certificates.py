"""Certificates that are renewed, made by the gateway itself, used to log in, and told with their end."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_session import InternalSession
from asyncua.server.subscription_service import SubscriptionService
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from plantwright_gateway.sources.faults import LinkError
from plantwright_gateway.sources.opcua import link, own, subscription

pytestmark = pytest.mark.slow

SECURITY = {"security_mode": "SignAndEncrypt", "certificate_secret": "cert", "trust_secret": "trust"}
CREATE_SESSION, TRANSFER = (
    ua.ObjectIds.CreateSessionRequest_Encoding_DefaultBinary,
    ua.ObjectIds.TransferSubscriptionsRequest_Encoding_DefaultBinary,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(link, "SECRETS_SECONDS", 0.1)


@pytest.fixture
def conforming(monkeypatch):
    """asyncua's server leaves the requests of a moved subscription with the old session; servers of the standard do not."""
    move = SubscriptionService.transfer_subscriptions

    async def moved(self, params, session_id, callback):
        for number in params.SubscriptionIds:
            if found := self.subscriptions.get(int(number)):
                found.pub_request_callback = callback.__self__.get_publish_request
        return await move(self, params, session_id, callback)

    monkeypatch.setattr(SubscriptionService, "transfer_subscriptions", moved)


@pytest.fixture
def remount(tmp_path):
    """`remount("cert", **{"tls.crt": b"…"})`: a mounted Secret changes, each key at once."""

    def change(secret: str, **content: bytes) -> None:
        for key, data in content.items():
            new = tmp_path / "secrets" / secret / ".new"
            new.write_bytes(data)
            new.replace(tmp_path / "secrets" / secret / key)

    return change


class Seen:
    """Remembers the certificate of each client that made a session."""

    def __init__(self) -> None:
        self.clients: list[x509.Certificate] = []

    async def __call__(self, certificate, description) -> None:
        self.clients.append(certificate)


HIDDEN = 3
"""Values that a stretch may hold which is too short to be a gap: an interval and a half of sampling."""


async def count_up(plc, start: int, stop: int) -> None:
    for number in range(start, stop):
        await plc.write("a", number)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("mode", ["Subscribe", "Read"])
async def test_a_renewed_certificate_is_taken_up_without_loss(
    mode, plc, conforming, secured, secrets, remount, make_pair, signal, reading, recorder
):
    secrets()
    seen = Seen()
    await secured(validator=seen)
    interval_ms = 50 if mode == "Subscribe" else 500
    await reading(plc.url, [signal("a", interval_ms=interval_ms)], mode=mode, **SECURITY)
    await recorder.until(lambda: recorder.values("a") == [1])
    writing = asyncio.create_task(count_up(plc, 2, 250))
    renewed = make_pair("gateway")
    remount("cert", **{"tls.key": renewed.key_pem, "tls.crt": renewed.pem})
    await recorder.until(lambda: renewed.certificate in seen.clients)
    await writing
    await recorder.until(lambda: recorder.values("a")[-1] == 249)
    if mode == "Subscribe":
        assert recorder.values("a") == list(range(1, 250))
    assert recorder.gaps == []
    assert set(recorder.reasons) == {"Connecting", "SessionUp"}
    assert len(plc.subscriptions()) == (mode == "Subscribe")
    assert recorder.shown[0].end_ns == int(renewed.certificate.not_valid_after_utc.timestamp()) * 10**9


@pytest.mark.parametrize("moves", ["refuses", "goes deaf"])
@pytest.mark.row("B11")
async def test_a_server_that_moves_no_subscription_leaves_an_exact_gap(
    moves, plc, secured, secrets, remount, make_pair, signal, reading, recorder, monkeypatch
):
    async def refuse(*_args, **_more):
        raise ServiceError(ua.StatusCodes.BadServiceUnsupported)

    if moves == "refuses":
        monkeypatch.setattr(SubscriptionService, "transfer_subscriptions", refuse)
    monkeypatch.setattr(subscription, "KEEP_ALIVE_MS", 300)
    monkeypatch.setattr(link, "WATCH_SECONDS", 0.2)
    secrets()
    await secured()
    await reading(plc.url, [signal("a", interval_ms=10)], **SECURITY)
    await recorder.until(lambda: recorder.values("a") == [1])
    writing = asyncio.create_task(count_up(plc, 2, 300))
    renewed = make_pair("gateway")
    remount("cert", **{"tls.key": renewed.key_pem, "tls.crt": renewed.pem})
    await writing
    await recorder.until(lambda: recorder.values("a")[-1] == 299)
    got = recorder.values("a")
    assert got == sorted(set(got))
    missing = set(range(1, 300)) - set(got)
    assert recorder.gaps or len(missing) <= HIDDEN
    assert len(plc.subscriptions()) == 1


async def test_a_broken_renewal_leaves_the_session_as_it_is_and_says_so(
    plc, secured, secrets, remount, make_pair, pairs, signal, reading, recorder
):
    secrets()
    await secured()
    await reading(plc.url, [signal("a")], **SECURITY)
    await recorder.until(lambda: recorder.values("a") == [1])
    remount("cert", **{"tls.crt": make_pair("gateway").pem})
    await recorder.until(lambda: "does not belong" in recorder.connections[-1][2])
    assert recorder.connections[-1][:2] == ("True", "SessionUp")
    await plc.write("a", 2)
    await recorder.until(lambda: recorder.values("a") == [1, 2])
    remount("cert", **{"tls.crt": pairs["gateway"].pem})
    await recorder.until(lambda: recorder.connections[-1] == ("True", "SessionUp", ""))
    assert recorder.gaps == []


async def test_a_server_that_is_not_trusted_any_more_is_left(
    plc, secured, secrets, remount, pairs, signal, reading, recorder
):
    secrets()
    await secured()
    await reading(plc.url, [signal("a")], **SECURITY)
    await recorder.until(lambda: recorder.values("a") == [1])
    remount("trust", **{"machine.crt": pairs["self-signed"].pem})
    await recorder.until(lambda: recorder.reasons[-1:] == ["CertificateNotTrusted"])
    assert plc.subscriptions() == []
    remount("trust", **{"machine.crt": pairs["authority"].pem})
    await plc.write("a", 2)
    await recorder.until(lambda: recorder.values("a") == [1, 2])


async def test_a_server_with_room_for_one_session_hands_it_over(
    plc, conforming, secured, secrets, remount, make_pair, signal, reading, recorder, monkeypatch
):
    secrets()
    seen = Seen()
    await secured(validator=seen)
    open_sessions: set[object] = set()
    create, close = InternalSession.create_session, InternalSession.close_session

    async def only_one(self, params, sockname=None):
        if open_sessions:
            raise ServiceError(ua.StatusCodes.BadTooManySessions)
        open_sessions.add(self)
        return await create(self, params, sockname)

    async def closed(self, delete_subs=True):
        open_sessions.discard(self)
        await close(self, delete_subs)

    monkeypatch.setattr(InternalSession, "create_session", only_one)
    monkeypatch.setattr(InternalSession, "close_session", closed)
    await reading(plc.url, [signal("a")], **SECURITY)
    await recorder.until(lambda: recorder.values("a") == [1])
    writing = asyncio.create_task(count_up(plc, 2, 100))
    renewed = make_pair("gateway")
    remount("cert", **{"tls.key": renewed.key_pem, "tls.crt": renewed.pem})
    await writing
    await recorder.until(lambda: recorder.values("a")[-1] == 99)
    assert recorder.values("a") == list(range(1, 100))
    assert recorder.gaps == []


class Owners:
    """Lets in whoever holds one certificate."""

    def __init__(self, certificate: x509.Certificate) -> None:
        self.expected = certificate.public_bytes(Encoding.DER)

    def get_user(self, iserver, username=None, password=None, certificate=None):
        return User(role=UserRole.User) if certificate == self.expected else None


@pytest.mark.parametrize(("mode", "policy"), [("SignAndEncrypt", "Aes256_Sha256_RsaPss"), ("Sign", "Basic256Sha256")])
@pytest.mark.parametrize(("let_in", "reason"), [("user", "SessionUp"), ("self-signed", "CredentialsRejected")])
async def test_a_login_by_certificate(
    mode, policy, let_in, reason, plc, secured, secrets, make_pair, pairs, tmp_path, signal, reading, recorder
):
    secrets()
    user = make_pair("user")
    (tmp_path / "secrets/who").mkdir()
    (tmp_path / "secrets/who/tls.crt").write_bytes(user.pem)
    (tmp_path / "secrets/who/tls.key").write_bytes(user.key_pem)
    await secured(users=Owners((user if let_in == "user" else pairs[let_in]).certificate), mode=mode, policy=policy)
    security = SECURITY | {"security_mode": mode, "security_policy": policy}
    await reading(plc.url, [signal("a")], user_certificate_secret="who", **security)
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.reasons[1] == reason
    assert {each.use for each in recorder.shown} == {"Client", "User", "Server", "Authority"}


async def test_a_login_that_the_server_does_not_take_is_named(plc, secured, secrets, signal, reading, recorder):
    secrets()
    await secured(tokens=[ua.AnonymousIdentityToken])
    await reading(plc.url, [signal("a")], credentials_secret="login", **SECURITY)
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.reasons[1] == "CredentialsRejected"
    assert "takes no login by name and password" in recorder.connections[1][2]


async def test_from_nothing_to_a_secured_session(
    plc, secured, secrets, remount, pairs, tmp_path, monkeypatch, signal, reading, recorder
):
    """No certificate given: the gateway makes one; each side is told whom it has to trust."""
    monkeypatch.setenv("PLANTWRIGHT_BUFFER_DIR", str(tmp_path))
    trusted: list[str] = []

    async def ask(certificate, description) -> None:
        if certificate.fingerprint(hashes.SHA256()).hex(":").upper() not in trusted:
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    secrets()
    await secured(validator=ask)
    (tmp_path / "secrets/trust/machine.crt").unlink()
    await reading(plc.url, [signal("a")], security_mode="SignAndEncrypt", trust_secret="trust")
    await recorder.until(lambda: recorder.reasons[-1:] == ["SecretNotFound"])
    shown = {each.use: each for each in recorder.shown}
    assert shown["Server"].sha256 in recorder.connections[-1][2]
    remount("trust", **{"machine.crt": shown["Server"].pem.encode()})
    await recorder.until(lambda: recorder.reasons[-1:] == ["CertificateRejected"])
    mine = next(each for each in recorder.shown if each.use == "Client")
    assert mine.sha1 in recorder.connections[-1][2]
    trusted.append(mine.sha256)
    await recorder.until(lambda: recorder.values("a") == [1])
    assert [path.stat().st_mode & 0o777 for path in tmp_path.glob("opcua-*")] == [0o600]
    assert "PRIVATE" not in str(recorder.shown) + str(recorder.connections)


def test_the_gateways_own_certificate_is_kept_until_it_ends(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTWRIGHT_BUFFER_DIR", str(tmp_path))
    now = datetime.now(UTC)
    first = own.load_or_make("press-1", now)
    assert first.application_uri == "urn:plantwright.io:gateway:press-1"
    assert own.load_or_make("press-1", now + timedelta(days=3600)).certificate == first.certificate
    assert own.load_or_make("press-2", now).certificate != first.certificate
    assert own.load_or_make("press-1", now + timedelta(days=3651)).certificate != first.certificate
    (tmp_path / "opcua-press-1.pem").write_bytes(b"torn")
    assert own.load_or_make("press-1", now).certificate != first.certificate


def test_a_certificate_that_cannot_be_kept_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTWRIGHT_BUFFER_DIR", str(tmp_path / "missing"))
    with pytest.raises(LinkError, match=r"set endpoint\.security\.certificateSecretRef"):
        own.load_or_make("press-1", datetime.now(UTC))
