"""A very small client of the Kubernetes API, so that starting a cluster needs nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from plantwright_cluster.certificates import Authority
from plantwright_cluster.commands import ClusterError

__all__ = ["Api", "ApiError"]

Object = dict[str, Any]
_OWNER = "plantwright-cluster"


class ApiError(ClusterError):
    """The API server answered with an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"the API server answered {status}: {text[:500]}")
        self.status = status


class Api:
    """One connection to one API server as one user; not for use from two threads."""

    def __init__(self, server: str, authority: Authority, user: str) -> None:
        address = urlsplit(server)
        self._address = (address.hostname or "", address.port or 443)
        self._tls = ssl.create_default_context(cafile=str(authority.ca))
        self._tls.load_cert_chain(authority.certificate(user), authority.key(user))
        self._connection: http.client.HTTPSConnection | None = None

    def _connect(self, timeout: float | None) -> http.client.HTTPSConnection:
        host, port = self._address
        return http.client.HTTPSConnection(host, port, context=self._tls, timeout=timeout)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send(self, method: str, path: str, body: Object | None, content_type: str) -> tuple[int, str]:
        if self._connection is None:
            self._connection = self._connect(10)
        try:
            data = None if body is None else json.dumps(body)
            self._connection.request(method, path, data, {"Content-Type": content_type, "Accept": "application/json"})
            response = self._connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def request(
        self, method: str, path: str, body: Object | None = None, content_type: str = "application/json"
    ) -> Object:
        """Send one request and return the object in the answer."""
        status, text = self._send(method, path, body, content_type)
        if status >= 400:
            raise ApiError(status, text)
        found: Object = json.loads(text)
        return found

    def apply(self, path: str, body: Object) -> Object:
        """Create or update by server-side apply; JSON is YAML, so it may be sent as such."""
        query = f"?fieldManager={_OWNER}&force=true"
        return self.request("PATCH", f"{path}/{body['metadata']['name']}{query}", body, "application/apply-patch+yaml")

    def is_ready(self) -> bool:
        """Say whether the API server is ready; before that it refuses connections or answers with errors."""
        try:
            return self._send("GET", "/readyz", None, "application/json")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def watch(self, path: str, version: str) -> Iterator[Object]:
        """Yield the changes after a version until the server ends the watch."""
        connection = self._connect(None)
        try:
            query = f"?watch=true&allowWatchBookmarks=false&resourceVersion={version}"
            connection.request("GET", path + query, headers={"Accept": "application/json"})
            response = connection.getresponse()
            if response.status != 200:
                raise ApiError(response.status, response.read().decode())
            for line in response:
                yield json.loads(line)
        finally:
            connection.close()
