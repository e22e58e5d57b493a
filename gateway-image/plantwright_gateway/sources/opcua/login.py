"""How the gateway logs in at a server, and under which circumstances it does not."""

from datetime import datetime
from typing import NamedTuple

from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto.security_policies import SecurityPolicyNone

from plantwright_api.wire.config import OpcUaSource
from plantwright_gateway.sources.faults import LinkError
from plantwright_gateway.sources.opcua.certificates import Credentials, Identity, load_credentials, load_identity


class Login(NamedTuple):
    """A password, a user's certificate, or neither: anonymous."""

    credentials: Credentials | None = None
    identity: Identity | None = None

    @property
    def kind(self) -> ua.UserTokenType:
        """What OPC UA calls such a login."""
        if self.identity is not None:
            return ua.UserTokenType.Certificate
        return ua.UserTokenType.UserName if self.credentials is not None else ua.UserTokenType.Anonymous


LACKING = {
    ua.UserTokenType.UserName: "the server takes no login by name and password; configure it, or remove credentialsSecretRef",
    ua.UserTokenType.Certificate: "the server takes no login by certificate; configure it, or remove "
    "userCertificateSecretRef",
    ua.UserTokenType.Anonymous: "the server wants a login; set credentialsSecretRef or userCertificateSecretRef",
}


def load_login(source: OpcUaSource, now: datetime) -> Login:
    """The login that the configuration names.

    Raises:
        LinkError: SecretNotFound, CertificateExpired; CredentialsRejected, where it would go over an open channel.
    """
    named = source.credentials_secret or source.user_certificate_secret
    if named and source.security_mode == "None":
        message = "a login is not sent without security; set endpoint.security or remove credentialsSecretRef"
        raise LinkError("CredentialsRejected", message)
    if source.user_certificate_secret is None:
        return Login(load_credentials(source.credentials_secret))
    words = ("userCertificateSecretRef", "the user's certificate")
    return Login(identity=load_identity(source.user_certificate_secret, now, *words))


def check_login(login: Login, client: Client, mode: str) -> None:
    """Hold the login to what the server said within the session: what it said before could have been anyone's word.

    Raises:
        LinkError: CredentialsRejected, where the server does not take such a login, or wants a password in clear text.
    """
    offered = {policy.TokenType for policy in client._policy_ids or []}
    if offered and login.kind not in offered:
        raise LinkError("CredentialsRejected", LACKING[login.kind])
    in_clear = client.server_policy(login.kind).SecurityPolicyUri == SecurityPolicyNone.URI
    if login.credentials is not None and in_clear and mode != "SignAndEncrypt":
        raise LinkError("CredentialsRejected", "the server wants the password in clear text; use mode SignAndEncrypt")
