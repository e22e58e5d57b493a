"""OPC UA status codes in the words of the catalogue. Names are those of OPC 10000-6, annex A."""

from collections.abc import Mapping

from plantwright_gateway.sources.faults import LinkError

REJECTED = (
    "CertificateRejected",
    "the server does not accept the gateway's certificate ({}); trust it at the server",
)
CONNECTION_FAULTS: Mapping[str, tuple[str, str]] = {
    "BadTooManySessions": ("TooManySessions", "the server has no session left ({}); close another client"),
    "BadTooManyOperations": ("TooManySessions", "the server has no room for another client ({})"),
    "BadMaxConnectionsReached": ("TooManySessions", "the server takes no more connections ({})"),
    "BadTcpNotEnoughResources": ("TooManySessions", "the server has no room for another connection ({})"),
    "BadUserAccessDenied": ("CredentialsRejected", "the server refuses the login ({}); mend credentialsSecretRef"),
    "BadIdentityTokenInvalid": ("CredentialsRejected", "the server refuses the login ({}); mend credentialsSecretRef"),
    "BadIdentityTokenRejected": ("CredentialsRejected", "the server refuses the login ({}); mend credentialsSecretRef"),
    "BadSecurityChecksFailed": REJECTED,
    "BadCertificateUntrusted": REJECTED,
    "BadCertificateInvalid": REJECTED,
    "BadCertificateChainIncomplete": REJECTED,
    "BadCertificateUriInvalid": REJECTED,
    "BadCertificateHostNameInvalid": REJECTED,
    "BadCertificateUseNotAllowed": REJECTED,
    "BadCertificatePolicyCheckFailed": REJECTED,
    "BadCertificateRevoked": REJECTED,
    "BadCertificateIssuerRevoked": REJECTED,
    "BadCertificateRevocationUnknown": REJECTED,
    "BadApplicationSignatureInvalid": REJECTED,
    "BadCertificateTimeInvalid": ("CertificateExpired", "the server says the gateway's certificate is out of its time"),
    "BadCertificateIssuerTimeInvalid": (
        "CertificateExpired",
        "the server says the certificate's issuer is out of time",
    ),
    "BadSecurityPolicyRejected": ("SecurityModeUnavailable", "the server refuses the security policy ({})"),
    "BadSecurityModeRejected": ("SecurityModeUnavailable", "the server refuses the security mode ({})"),
    "BadSecurityModeInsufficient": ("SecurityModeUnavailable", "the server wants more security ({})"),
    "BadTimeout": ("Timeout", "the server did not answer in time ({}); see acquisition.timeoutMilliseconds"),
    "BadShutdown": ("Unreachable", "the server shuts down ({})"),
    "BadServerHalted": ("Unreachable", "the server has halted ({})"),
}
SESSION_GONE = frozenset(
    {
        "BadSessionIdInvalid",
        "BadSessionClosed",
        "BadSessionNotActivated",
        "BadSecureChannelClosed",
        "BadSecureChannelIdInvalid",
        "BadSecureChannelTokenUnknown",
        "BadTcpSecureChannelUnknown",
        "BadConnectionClosed",
        "BadConnectionRejected",
        "BadServerNotConnected",
        "BadServerHalted",
        "BadShutdown",
    }
)
SUBSCRIPTION_GONE = frozenset({"BadNoSubscription", "BadSubscriptionIdInvalid", "BadTimeout"})
SUBSCRIPTIONS_REFUSED = frozenset(
    {
        "BadServiceUnsupported",
        "BadNotImplemented",
        "BadNotSupported",
        "BadTooManySubscriptions",
        "BadTooManyMonitoredItems",
        "BadUserAccessDenied",
    }
)
"""The server will not subscribe; it can still be read."""
TOO_MUCH_AT_ONCE = frozenset(
    {"BadTooManyOperations", "BadRequestTooLarge", "BadResponseTooLarge", "BadEncodingLimitsExceeded"}
)
"""Half as many items may be taken."""
ADDRESS_CURES: Mapping[str, str] = {
    "BadNodeIdUnknown": "the server has no such node; mend signals[].opcua.nodeId",
    "BadNodeIdInvalid": "the server cannot read the NodeId; mend signals[].opcua.nodeId",
    "BadAttributeIdInvalid": "the node is no variable; mend signals[].opcua.nodeId",
    "BadNotReadable": "the node cannot be read; name another or allow it at the server",
    "BadUserAccessDenied": "the gateway may not read the node; allow it at the server",
}
"""Statuses that concern the address of one signal and are no value of the machine."""


def link_error(status: str) -> LinkError:
    """What a status code means for the connection as a whole."""
    reason, message = CONNECTION_FAULTS.get(status, ("ProtocolError", "the server answered {}"))
    return LinkError(reason, message.format(status))


def unreadable(signal: str, node_id: str, status: str) -> str:
    """What to tell the user of a node that the server refuses."""
    cure = ADDRESS_CURES.get(status, "mend signals[].opcua.nodeId")
    return f"signal {signal}, node {node_id}: {status}: {cure}"
