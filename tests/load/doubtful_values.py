"""A Modbus TCP server some of whose numbers no Integer field can hold: `doubtful_values.py PORT SIGNALS SHARE LEDGER`.

Signal i is the Float32 at holding register 2 i. The n-th answer holds n for each signal asked for, and n + 0.5 for the share of
them that is doubtful. Before an answer leaves, the ledger has a line `{"n": n, "first": i, "count": signals}`.
"""

import asyncio
import json
import struct
import sys
import zlib
from pathlib import Path

from plantwright_shopfloor.modbus.frame import ILLEGAL_ADDRESS, GarbageError, Request, answer, read_of, refusal, split


def value(signal: int, number: int, share: float) -> float:
    """What a signal shows in the answer of this number."""
    doubtful = zlib.crc32(struct.pack(">II", signal, number)) < share * 2**32
    return number + 0.5 if doubtful else float(number)


class Server:
    """Counts its answers."""

    def __init__(self, signals: int, share: float, ledger: Path) -> None:
        self._signals, self._share = signals, share
        self._ledger = ledger.open("a", encoding="utf-8")
        self._number = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        rest = b""
        try:
            while data := await reader.read(4096):
                requests, rest = split(rest + data)
                writer.writelines([self._answer(request) for request in requests])
                await writer.drain()
        except (OSError, GarbageError):
            pass
        finally:
            writer.close()

    def _answer(self, request: Request) -> bytes:
        read = read_of(request)
        if isinstance(read, int):
            return refusal(request, read)
        if read.table != "HoldingRegister" or read.address + read.quantity > 2 * self._signals or read.address % 2:
            return refusal(request, ILLEGAL_ADDRESS)
        self._number += 1
        first, count = read.address // 2, read.quantity // 2
        self._ledger.write(json.dumps({"n": self._number, "first": first, "count": count}) + "\n")
        self._ledger.flush()
        values = [value(first + place, self._number, self._share) for place in range(count)]
        registers = struct.unpack(f">{2 * count}H", struct.pack(f">{count}f", *values))
        return answer(request, read.table, [*registers, *[0] * (read.quantity - 2 * count)])


async def main(port: int, signals: int, share: float, ledger: Path) -> None:
    """Serve until killed."""
    server = await asyncio.start_server(Server(signals, share, ledger).serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
