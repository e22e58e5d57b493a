"""Where a gateway never connects to, whatever a name comes to mean: the node, the cloud's metadata, the API server.

The operator refuses such addresses where an object names them. A host name it cannot judge, and what a name means may change from one
look to the next. So the process itself refuses, at the moment of connecting and for every library alike.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final

from plantwright_api.addresses import forbidden

API_SERVER_VARIABLE: Final = "KUBERNETES_SERVICE_HOST"
"""The kubelet sets it in every pod; where it is not set there is no pod to guard, and a machine's simulator may run beside."""


class ForbiddenAddressError(OSError):
    """The address is one that a gateway never dials. The message is always the same, so that asyncio keeps the type."""

    def __init__(self) -> None:
        super().__init__("the name leads to an address that no machine and no MES has")


def guard(env: Mapping[str, str]) -> None:
    """Refuse such connections from now on, in this whole process, if it runs in a pod. It cannot be taken back."""
    api_server = env.get(API_SERVER_VARIABLE)
    if not api_server:
        return

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "socket.connect" or not isinstance(arguments[1], tuple):
            return
        if arguments[1][0] == api_server or forbidden(arguments[1][0]):
            raise ForbiddenAddressError

    sys.addaudithook(refuse)
