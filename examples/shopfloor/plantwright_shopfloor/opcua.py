"""The OPC UA server of one machine: variables that all change at one tick, with one source time.

Security is SignAndEncrypt; clients must show a certificate of the authority that the machine trusts. `None` is offered
only where the configuration allows it.
"""

from collections.abc import Mapping
from datetime import UTC, timedelta
from pathlib import Path

from asyncua import ua
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.server.server import Server
from cryptography.x509 import load_pem_x509_certificate
from cryptography.x509.verification import Store

from plantwright_shopfloor.behaviour import Value

NAMESPACE = "http://plantwright.example/shopfloor"
EPOCH = ua.DateTime(1970, 1, 1, tzinfo=UTC)

VARIABLES: dict[str, ua.VariantType] = {
    "sequence": ua.VariantType.UInt32,
    "state": ua.VariantType.Int32,
    "goodParts": ua.VariantType.UInt32,
    "rejectedParts": ua.VariantType.UInt32,
    "reworkedParts": ua.VariantType.UInt32,
    "alarm": ua.VariantType.Int32,
    "program": ua.VariantType.String,
    "toolNumber": ua.VariantType.UInt16,
    "cycleTime": ua.VariantType.Float,
    "spindleSpeed": ua.VariantType.Double,
    "spindleLoad": ua.VariantType.Double,
    "power": ua.VariantType.Double,
    "energy": ua.VariantType.Double,
    "spindleTemperature": ua.VariantType.Double,
    "coolantTemperature": ua.VariantType.Double,
    "doorClosed": ua.VariantType.Boolean,
    "coolantOn": ua.VariantType.Boolean,
}
"""Variables of a cell, as `ns=<NAMESPACE>;s=Cell.<name>`. `examples/03-profiles` names the same."""

SECURE = [
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]


def application_uri(machine: str) -> str:
    """The application URI that a machine's certificate carries."""
    return f"urn:plantwright.example:shopfloor:{machine}"


class _Authority(TrustStore):
    """A trust store of one authority; the library's own reads folders, and of these only names with pem or der."""

    def __init__(self, certificate_pem: bytes) -> None:
        super().__init__([], [])
        self._trust_store = Store([load_pem_x509_certificate(certificate_pem)])


class OpcUaServer:
    """The server of one machine; it can be stopped and started again, on the same port."""

    def __init__(self, machine: str, host: str, port: int, certificates: Path | None, *, allow_insecure: bool) -> None:
        self._machine = machine
        self._host = host
        self.port = port
        self._certificates = certificates
        self._allow_insecure = allow_insecure
        self._server: Server | None = None
        self._nodes: dict[str, ua.NodeId] = {}

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    @property
    def sessions(self) -> int:
        """Connections that are open."""
        return len(self._server.bserver.clients) if self._server and self._server.bserver else 0

    async def start(self, values: Mapping[str, Value], time_ns: int) -> None:
        """Listen, showing these values at first; does nothing where it listens."""
        if self._server is not None:
            return
        server = Server()
        await server.init()
        await self._secure(server)
        await self._fill(server)
        server.set_endpoint(f"opc.tcp://{self._host}:{self.port}/")
        await self._show(server, values, time_ns)
        await server.start()
        self._server = server

    async def stop(self) -> None:
        """Drop all sessions and refuse new ones."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    async def show(self, values: Mapping[str, Value], time_ns: int) -> None:
        """Change the variables to these values, all with this source time; nothing happens while it is stopped."""
        if self._server is not None:
            await self._show(self._server, values, time_ns)

    async def _secure(self, server: Server) -> None:
        server.set_server_name(f"Simulated machine {self._machine}")
        await server.set_application_uri(application_uri(self._machine))
        policies = [ua.SecurityPolicyType.NoSecurity] if self._allow_insecure else []
        if self._certificates is not None:
            policies = SECURE + policies
            await server.load_certificate(self._certificates / "tls.crt", "pem")
            await server.load_private_key(self._certificates / "tls.key", format="pem")
            trusted = _Authority((self._certificates / "ca.crt").read_bytes())
            options = CertificateValidatorOptions.TRUSTED_VALIDATION | CertificateValidatorOptions.PEER_CLIENT
            server.set_certificate_validator(CertificateValidator(options, trusted))
        server.set_security_policy(policies)
        server.set_identity_tokens([ua.AnonymousIdentityToken])

    async def _fill(self, server: Server) -> None:
        index = await server.register_namespace(NAMESPACE)
        cell = await server.nodes.objects.add_object(_node_id("Cell", index), ua.QualifiedName("Cell", index))
        for name, kind in VARIABLES.items():
            node_id = _node_id(f"Cell.{name}", index)
            start = "" if kind == ua.VariantType.String else False if kind == ua.VariantType.Boolean else 0
            await cell.add_variable(node_id, ua.QualifiedName(name, index), ua.Variant(start, kind))
            self._nodes[name] = node_id

    async def _show(self, server: Server, values: Mapping[str, Value], time_ns: int) -> None:
        time = EPOCH + timedelta(microseconds=time_ns // 1000)
        for name, kind in VARIABLES.items():
            value = ua.DataValue(ua.Variant(values[name], kind), SourceTimestamp=time, ServerTimestamp=time)
            await server.write_attribute_value(self._nodes[name], value)


def _node_id(name: str, index: int) -> ua.NodeId:
    return ua.NodeId(ua.String(name), ua.Int16(index))
