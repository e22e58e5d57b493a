"""What the environment may say otherwise than the wire's constants; tests and small hosts need it."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from plantwright_api.wire.config import CONFIG_DIR, CONFIG_FILE, HTTP_PORT, Buffer
from plantwright_api.wire.status import TERMINATION_LOG


class Settings(NamedTuple):
    """Where things are. `buffer_dir` None leaves buffers where the configuration puts them."""

    config_file: Path = Path(CONFIG_DIR) / CONFIG_FILE
    buffer_dir: Path | None = None
    port: int = HTTP_PORT
    termination_log: Path = Path(TERMINATION_LOG)

    def buffer_path(self, buffer: Buffer) -> Path:
        """Where a machine's buffer lies."""
        path = Path(buffer.path)
        return self.buffer_dir / path.name if self.buffer_dir else path


def from_environment(env: Mapping[str, str]) -> Settings:
    """Read PLANTWRIGHT_CONFIG_DIR, PLANTWRIGHT_BUFFER_DIR, PLANTWRIGHT_LISTEN_PORT and PLANTWRIGHT_TERMINATION_LOG.

    Raises:
        ValueError: the port is no number.
    """
    buffer_dir = env.get("PLANTWRIGHT_BUFFER_DIR")
    return Settings(
        config_file=Path(env.get("PLANTWRIGHT_CONFIG_DIR", CONFIG_DIR)) / CONFIG_FILE,
        buffer_dir=Path(buffer_dir) if buffer_dir else None,
        port=int(env.get("PLANTWRIGHT_LISTEN_PORT", str(HTTP_PORT))),
        termination_log=Path(env.get("PLANTWRIGHT_TERMINATION_LOG", TERMINATION_LOG)),
    )
