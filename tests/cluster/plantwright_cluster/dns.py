"""Ask one DNS question, to learn whether the cluster's DNS answers. The standard library can only ask the machine's own."""

from __future__ import annotations

import socket
import struct

__all__ = ["answers", "question", "says_yes"]

_HEADER = struct.Struct("!6H")
_ID, _RECURSION_WANTED = 0x7077, 0x0100
_TYPE_A, _CLASS_IN = 1, 1


def question(name: str) -> bytes:
    """Return the packet that asks for a name's IPv4 address."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return _HEADER.pack(_ID, _RECURSION_WANTED, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", _TYPE_A, _CLASS_IN)


def says_yes(packet: bytes) -> bool:
    """Say whether a packet answers our question with at least one record and no error."""
    if len(packet) < _HEADER.size:
        return False
    identity, flags, _, records, _, _ = _HEADER.unpack_from(packet)
    return bool(identity == _ID and flags & 0x000F == 0 and records > 0)


def answers(server: str, name: str, seconds: float = 0.5) -> bool:
    """Say whether a DNS server knows a name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(seconds)
        try:
            asking.connect((server, 53))
            asking.send(question(name))
            return says_yes(asking.recv(512))
        except OSError:
            return False
