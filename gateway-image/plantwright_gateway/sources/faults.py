"""Why there is no session, in the words of the catalogue (`plantwright_api.v1alpha1.reasons`, condition Connected)."""

import socket

from plantwright_gateway.dialling import ForbiddenAddressError


class LinkError(Exception):
    """The session is gone or could not be made. `reason` is a word of the catalogue, the message names the cure."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def cannot_connect(error: BaseException, host: str, port: int) -> LinkError:
    """What a failed attempt to open a TCP connection means."""
    place = f"{host}:{port}"
    if isinstance(error, socket.gaierror | UnicodeError):
        return LinkError("HostNotFound", f"the name {host} cannot be resolved; mend spec.endpoint.url")
    if isinstance(error, ForbiddenAddressError):
        return LinkError("AddressForbidden", f"{error}: {host}; mend spec.endpoint.url or the name")
    if isinstance(error, ConnectionRefusedError):
        return LinkError("ConnectionRefused", f"{place} refuses the connection; check the port and whether it serves")
    return LinkError("Unreachable", f"nothing answers at {place}; check spec.endpoint.url, cabling and firewall")
