"""Node addresses as users write them: a namespace by URI or index, and an identifier."""

import base64
import binascii
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Identifier = int | str | bytes | uuid.UUID

PATTERN = re.compile(r"(?:(?:nsu=(?P<uri>[^;]+)|ns=(?P<index>\d+));)?(?P<kind>[isgb])=(?P<identifier>.+)", re.DOTALL)
READERS: Mapping[str, Callable[[str], Identifier]] = {
    "i": int,
    "s": str,
    "g": uuid.UUID,
    "b": lambda text: base64.b64decode(text, validate=True),
}
ESCAPES = {"%3B": ";", "%3b": ";", "%25": "%"}
"""OPC 10000-6 writes these two characters so inside a namespace URI."""


class Address(NamedTuple):
    """One node. `namespace` is a URI, or an index where the user wrote one."""

    namespace: str | int
    identifier: Identifier


class AddressError(ValueError):
    """The address cannot be read, or not found in this server; the message names the cure."""


def parse(node_id: str) -> Address:
    """Read a NodeId such as `nsu=http://acme.example/press;s=Temperature` or `ns=2;i=1001`.

    Raises:
        AddressError: it is no NodeId.
    """
    match = PATTERN.fullmatch(node_id)
    if match is None:
        raise AddressError(f"{node_id!r} is no NodeId; write nsu=<namespace URI>;s=<identifier>")
    try:
        identifier = READERS[match["kind"]](match["identifier"])
    except (ValueError, binascii.Error):
        raise AddressError(f"{node_id!r} has an identifier that is not of kind {match['kind']}=") from None
    return Address(_unescaped(match["uri"]) if match["uri"] else int(match["index"] or 0), identifier)


def index_of(address: Address, namespaces: Sequence[str]) -> int:
    """The index that the namespace has in a server right now: `namespaces` is its NamespaceArray.

    Raises:
        AddressError: the server has no such namespace.
    """
    if isinstance(address.namespace, int):
        return address.namespace
    if address.namespace in namespaces:
        return list(namespaces).index(address.namespace)
    known = ", ".join(namespaces[1:8]) or "none but OPC UA's own"
    raise AddressError(f"the server has no namespace {address.namespace}; it has {known}")


def _unescaped(uri: str) -> str:
    return re.sub("%3[Bb]|%25", lambda match: ESCAPES[match[0]], uri)
