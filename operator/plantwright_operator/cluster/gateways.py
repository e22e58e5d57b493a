"""Ask gateways how they are: GET /status at a pod's address, which comes from the Pod object and nowhere else."""

import ipaddress

import aiohttp
import msgspec

from plantwright_api.wire import status as wire

TIMEOUT = 3.0
MAX_BYTES = 256 * 1024


class GatewaySilentError(Exception):
    """No usable answer; the text says why."""


class Gateways:
    """Asks gateways over one connection pool. Redirects are not followed and answers are bounded."""

    def __init__(self, port: int, connections: int = 64) -> None:
        self._port = port
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=30),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            trust_env=False,
        )

    async def status(self, pod_ip: str) -> wire.GatewayStatus:
        """What the gateway says of itself.

        Raises:
            GatewaySilentError: nothing answered in time, or what did is no gateway.
        """
        try:
            address = ipaddress.ip_address(pod_ip)
            host = f"[{address}]" if address.version == 6 else str(address)
            url = f"http://{host}:{self._port}/status"
            async with self._session.get(url, allow_redirects=False) as response:
                content = await response.content.read(MAX_BYTES)
                if response.status != 200 or not response.content.at_eof():
                    raise GatewaySilentError(f"status {response.status}")
            return wire.decode(content)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, RecursionError, msgspec.DecodeError) as error:
            raise GatewaySilentError(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Let go of connections."""
        await self._session.close()
