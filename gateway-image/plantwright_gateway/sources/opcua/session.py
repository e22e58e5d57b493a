"""One session with an OPC UA server: connected step by step, so that each failure has its own reason, and resumed."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from asyncua import ua
from asyncua.client.ua_client import UaClientState
from asyncua.client.ua_session import UaSession
from asyncua.crypto import security_policies, uacrypto
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes, get_name_and_doc
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from plantwright_api.wire.config import OpcUaSource
from plantwright_gateway.ports.source import Certificate, CertificateUse
from plantwright_gateway.sources.described import described
from plantwright_gateway.sources.ending import heed_cancellation
from plantwright_gateway.sources.faults import LinkError, cannot_connect
from plantwright_gateway.sources.opcua import certificates, faults, own
from plantwright_gateway.sources.opcua.login import Login, check_login, load_login
from plantwright_gateway.sources.opcua.transport import BoundedClient
from plantwright_gateway.sources.pacing import RateLimit

P = ParamSpec("P")
T = TypeVar("T")
DEFAULT_PORT = 4840
SESSION_TIMEOUT_MS = 60_000
"""A session that was lost without a word must not occupy one of a small server's few for long."""
LONGEST_CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 1.5
RENEW_AT = 0.75
"""Part of a secure channel's lifetime after which it is renewed (OPC 10000-4, 5.5.2.1)."""
SHORTEST_RENEWAL_SECONDS = 1.0
"""For a server that grants a lifetime of nothing, which cannot be meant."""
DEFAULT_ITEMS = 1000
NO_WAY = frozenset({"Unreachable", "ConnectionRefused", "HostNotFound", "Timeout"})
"""Reasons that say nothing of the session."""
UNREADABLE_ANSWER = "BadDecodingError"

POLICIES: dict[str, type[security_policies.SecurityPolicy]] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
MODES = {"Sign": ua.MessageSecurityMode.Sign, "SignAndEncrypt": ua.MessageSecurityMode.SignAndEncrypt}
NO_SECURITY = security_policies.SecurityPolicyNone.URI


class StatusError(Exception):
    """The server refused a service; the session stands. `status` is the name of the status code."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Session:
    """A session, from `open` to `close`; `resume` brings it back after a broken connection if the server still has it."""

    def __init__(self, source: OpcUaSource, machine: str) -> None:
        parts = urlsplit(source.url)
        self.host, self.port = parts.hostname or "", parts.port or DEFAULT_PORT
        self._path = parts.path
        self._source = source
        self._machine = machine
        self._rate = RateLimit(source.max_requests_per_second)
        self._client = self._new_client()
        self._login = Login()
        self._mounted: object = None
        self.certificates: list[Certificate] = []
        self.nodes_per_read = self.items_per_call = source.max_items_per_request or DEFAULT_ITEMS

    @property
    def services(self) -> UaSession:
        """The services of the session; wrap each call in `ask`."""
        return self._client.uaclient.session

    async def open(self) -> None:
        """Make a new session.

        Raises:
            LinkError: with the reason why there is none.
        """
        now = datetime.now(UTC)
        self.certificates.clear()
        self.accept_secrets()
        self._login = load_login(self._source, now)
        self._show("User", self._login.identity, self._source.user_certificate_secret)
        client = self._new_client()
        if self._source.security_mode != "None":
            await self._secure(client, now)
        self._client = client
        await self._open_channel(client)
        await self._step(client.create_session(), self._closed("CertificateRejected"))
        check_login(self._login, client, self._source.security_mode)
        await self._activate()

    def secrets_changed(self) -> bool:
        """Whether a Secret is another one than when the session was made."""
        return self._mounted != self._versions()

    def accept_secrets(self) -> None:
        """Take the Secrets as they are now for those that the session was made with."""
        self._mounted = self._versions()

    async def leave(self) -> None:
        """End the session and let its subscriptions live, for another one to take over; takes two seconds at most."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._client.uaclient.close_session(False)
        self._client.disconnect_socket()

    async def resume(self) -> bool:
        """Open a new channel for the same session; False if the server will not have it, so that a new one is due.

        Raises:
            LinkError: there is no way to the server yet.
        """
        self._client.disconnect_socket()
        try:
            await self._open_channel(self._client)
            self.services.rebind_authentication_token()
            await self._activate()
        except LinkError as fault:
            self._client.disconnect_socket()
            if fault.reason in NO_WAY:
                raise
            return False
        return True

    async def close(self) -> None:
        """End the session at the server, so that it is free for others; takes two seconds at most."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._client.disconnect()
        self._client.disconnect_socket()

    async def lost(self) -> None:
        """Wait for the connection to break, and raise LinkError then."""
        async with self._client.subscribe_state() as changes:
            await changes.wait_for_state(UaClientState.DISCONNECTED)
        raise self._closed("Unreachable")

    async def keep_channel(self) -> None:
        """Renew the secure channel's keys in time, for ever."""
        while True:
            lifetime = self._client.secure_channel_timeout / 1000
            await asyncio.sleep(max(RENEW_AT * lifetime, SHORTEST_RENEWAL_SECONDS))
            await self.ask_at_once(self._client.open_secure_channel, renew=True)
            self._client.uaclient.revolve_security_token()

    async def ask(self, service: Callable[P, Awaitable[T]], *args: P.args, **options: P.kwargs) -> T:
        """Call a service within the allowed request rate.

        Raises:
            StatusError: the server refuses it.
            LinkError: the session or its connection is gone.
        """
        if pause := self._rate.reserve(time.monotonic()):
            await asyncio.sleep(pause)
        return await self.ask_at_once(service, *args, **options)

    async def ask_at_once(self, service: Callable[P, Awaitable[T]], *args: P.args, **options: P.kwargs) -> T:
        """Call a service that keeps the session going, whatever the request rate.

        Raises:
            StatusError: the server refuses it.
            LinkError: the session or its connection is gone.
        """
        try:
            answer = await service(*args, **options)
        except UaStatusCodeError as error:
            status = status_name(error.code)
            if status in faults.SESSION_GONE:
                raise LinkError("Unreachable", f"the server ended the session ({status})") from None
            raise StatusError(status) from None
        except TimeoutError:
            raise self._silent() from None
        except OSError:
            raise self._closed("Unreachable") from None
        except Exception as error:  # asyncua lets whatever its decoder stumbles over through
            raise StatusError(UNREADABLE_ANSWER) from error
        heed_cancellation()
        return answer

    async def read(self, nodes: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        """The present values, never from a cache, in as few requests as the server takes.

        Raises:
            StatusError, LinkError: see `ask`.
        """
        values: list[ua.DataValue] = []
        while len(values) < len(nodes):
            part = nodes[len(values) : len(values) + self.nodes_per_read]
            try:
                values.extend(await self.ask(self.services.read, _read_parameters(part)))
            except StatusError as error:
                if error.status == UNREADABLE_ANSWER:
                    values.extend([await self._read_one(node) for node in part])
                elif error.status in faults.TOO_MUCH_AT_ONCE and len(part) > 1:
                    self.nodes_per_read = len(part) // 2
                else:
                    raise
        return values

    async def _read_one(self, node: ua.NodeId) -> ua.DataValue:
        """One of several values whose answer could not be decoded, so that only the culprit is Bad."""
        try:
            return (await self.ask(self.services.read, _read_parameters([node])))[0]
        except StatusError as error:
            return ua.DataValue(StatusCode=ua.StatusCode(ua.UInt32(getattr(StatusCodes, error.status))))

    def respect(self, nodes_per_read: Any, items_per_call: Any) -> None:
        """Take the limits that the server announces; None or 0 is none."""
        self.nodes_per_read = min(self.nodes_per_read, nodes_per_read or self.nodes_per_read)
        self.items_per_call = min(self.items_per_call, items_per_call or self.items_per_call)

    def _new_client(self) -> BoundedClient:
        client = BoundedClient(
            f"opc.tcp://{_bracketed(self.host)}:{self.port}{self._path}", self._source.timeout_ms / 1000
        )
        client.name = client.description = f"Plantwright gateway of {self._machine}"
        client.application_uri = "urn:plantwright.io:gateway"
        client.product_uri = "urn:plantwright.io:gateway"
        client.session_timeout = SESSION_TIMEOUT_MS
        return client

    def _versions(self) -> object:
        named = self._source
        return certificates.versions(
            (named.certificate_secret, named.trust_secret, named.credentials_secret, named.user_certificate_secret)
        )

    def _show(self, use: CertificateUse, identity: certificates.Identity | None, secret: str | None) -> None:
        if identity is not None:
            self.certificates.append(described(identity.certificate, use, secret or ""))

    async def _secure(self, client: BoundedClient, now: datetime) -> None:
        """Give the client the keys for a channel with a server that was found trustworthy."""
        secret = self._source.certificate_secret
        if secret is not None:
            identity = certificates.load_identity(secret, now)
        else:
            identity = await asyncio.to_thread(own.load_or_make, self._machine, now)
        self._show("Client", identity, secret)
        policy = POLICIES[self._source.security_policy]
        endpoint = self._choose(await self._endpoints(), policy.URI)
        server = certificates.leaf(endpoint.ServerCertificate)
        self._trust(server, now)
        if identity.application_uri:
            client.application_uri = identity.application_uri
        mode = MODES[self._source.security_mode]
        secured = policy(server, identity.certificate, identity.key, mode)
        client.uaclient.set_security(secured)
        client.security_policy = secured  # type: ignore[assignment]  # asyncua's own hint is too narrow

    def _trust(self, server: x509.Certificate, now: datetime) -> None:
        """Check the server's certificate; a refusal tells by its fingerprint which one was refused."""
        shown = described(server, "Server")
        self.certificates.append(shown)
        try:
            trust = certificates.load_trust(self._source.trust_secret)
            vouching = certificates.check_server(server, trust, self.host, now)
        except LinkError as fault:
            raise LinkError(fault.reason, f"{fault} (it shows SHA-256 {shown.sha256})") from None
        if vouching != server:
            self.certificates.append(described(vouching, "Authority", self._source.trust_secret or ""))

    async def _endpoints(self) -> list[ua.EndpointDescription]:
        """What the server offers, asked for over a channel without security; nothing of it is believed unchecked."""
        client = self._new_client()
        try:
            await self._open_channel(client)
            return await self._step(client.get_endpoints(), self._closed("ProtocolError"))
        finally:
            client.disconnect_socket()

    def _choose(self, endpoints: Sequence[ua.EndpointDescription], policy_uri: str) -> ua.EndpointDescription:
        wanted = MODES[self._source.security_mode], policy_uri
        for endpoint in endpoints:
            if (endpoint.SecurityMode, endpoint.SecurityPolicyUri) == wanted:
                return endpoint
        offered = {f"{e.SecurityMode.name} {str(e.SecurityPolicyUri).partition('#')[2]}" for e in endpoints}
        asked = f"{self._source.security_mode} {self._source.security_policy}"
        message = f"the server does not offer {asked}, only {', '.join(sorted(offered))}; configure the server"
        raise LinkError("SecurityModeUnavailable", message)

    async def _open_channel(self, client: BoundedClient) -> None:
        patience = min(self._source.timeout_ms / 1000, LONGEST_CONNECT_SECONDS)
        try:
            await asyncio.wait_for(client.uaclient.connect_socket(self.host, self.port), patience)
        except (OSError, UnicodeError) as error:
            raise cannot_connect(error, self.host, self.port) from None
        await self._step(client.send_hello(), self._closed("ProtocolError"))
        refused = "SecurityModeUnavailable" if client.security_policy.URI == NO_SECURITY else "CertificateRejected"
        await self._step(client.open_secure_channel(), self._closed(refused))

    async def _activate(self) -> None:
        user, password = self._login.credentials or (None, None)
        identity = self._login.identity
        if identity is not None:
            self._client.user_private_key = identity.key
        certificate = identity.certificate if identity else None
        activation = self._client.activate_session(user, password, certificate)
        await self._step(activation, self._closed("CredentialsRejected"))

    async def _step(self, step: Awaitable[T], closed: LinkError) -> T:
        """One step of connecting; `closed` is what it means when the server hangs up instead."""
        try:
            return await step
        except UaStatusCodeError as error:
            raise self._with_own(faults.link_error(status_name(error.code))) from None
        except TimeoutError:
            raise self._silent() from None
        except OSError:
            raise self._with_own(closed) from None
        except (InvalidSignature, uacrypto.InvalidSignature):  # type: ignore[attr-defined]
            raise LinkError("CertificateNotTrusted", "the server does not hold the key of its certificate") from None
        except Exception as error:  # asyncua lets whatever its decoder stumbles over through
            raise _local_fault(str(error)) from error

    def _with_own(self, fault: LinkError) -> LinkError:
        """Where the server refuses our certificate: which one it has to trust."""
        shown = next((each for each in self.certificates if each.use == "Client"), None)
        if fault.reason != "CertificateRejected" or shown is None:
            return fault
        return LinkError(fault.reason, f"{fault} (thumbprint {shown.sha1}; the gateway's page /certificates has it)")

    def _silent(self) -> LinkError:
        message = f"the server does not answer within {self._source.timeout_ms} ms"
        return LinkError("Timeout", f"{message}; see acquisition.timeoutMilliseconds")

    def _closed(self, reason: str) -> LinkError:
        return LinkError(reason, CLOSED[reason].format(f"{self.host}:{self.port}"))


CLOSED = {
    "Unreachable": "the connection to {} broke; check the server, its network and power",
    "ProtocolError": "what answers at {} hangs up at the first OPC UA message; check host and port",
    "SecurityModeUnavailable": "the server at {} refuses a channel without security",
    "CertificateRejected": "the server at {} hangs up at the gateway's certificate; trust it at the server",
    "CredentialsRejected": "the server at {} hangs up at the login; mend credentialsSecretRef",
}
"""What it means that the server hangs up, by the reason that fits the step."""


def status_name(code: int) -> str:
    """The name of a status code, such as BadNodeIdUnknown."""
    return str(get_name_and_doc(code)[0])


def _local_fault(message: str) -> LinkError:
    if message.startswith("No matching endpoints"):
        return LinkError("SecurityModeUnavailable", "the server does not offer the security that is asked for")
    if message.startswith("Server certificate mismatch"):
        return LinkError("CertificateNotTrusted", "the server showed two different certificates")
    return LinkError("ProtocolError", "the server's answer cannot be read; check host and port")


def _read_parameters(nodes: Sequence[ua.NodeId]) -> ua.ReadParameters:
    parameters = ua.ReadParameters()
    parameters.MaxAge = 0
    parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
    parameters.NodesToRead = [ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value) for node in nodes]
    return parameters


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
