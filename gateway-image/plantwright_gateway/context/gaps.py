"""Why a stretch of the stream is missing, where the gateway itself is the one to say so. docs/protocol.md explains each."""

from typing import Final

BUFFER_FULL: Final = "Full"
BUFFER_CORRUPT: Final = "BufferCorrupt"
MES_REJECTS: Final = "MesRejects"
MES_WENT_BACK: Final = "MesWentBack"
