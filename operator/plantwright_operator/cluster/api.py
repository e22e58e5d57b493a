"""The API server: server-side apply, status, deletion and lists. Every write passes the fence first."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp
import msgspec
from kubernetes.aio import client, config

from plantwright_operator.cluster import errors, kinds, service_account
from plantwright_operator.cluster.service_account import ServiceAccount
from plantwright_operator.model import FIELD_MANAGER, MANAGED_BY_SELECTOR, Obj, resource_version

TIMEOUT = 15.0
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON = "application/json"
_FOREIGN_UID = "metadata.uid: Invalid value"
"""How the API server says (with 422) that a patch names the uid of another object."""
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Identity(NamedTuple):
    """One object as a list names it, in the version that it had then."""

    kind: str
    namespace: str
    name: str
    uid: str
    version: int


async def connect() -> client.ApiClient:
    """A client for the cluster that this process runs in, or for the kubeconfig where it runs in none."""
    configuration = client.Configuration()
    if service_account.is_mounted():
        _use_service_account(configuration, ServiceAccount())
    else:
        path = os.environ.get("KUBECONFIG")
        await config.load_kube_config(path, client_configuration=configuration)  # type: ignore[no-untyped-call]
    api = client.ApiClient(configuration)
    api.user_agent = FIELD_MANAGER
    return api


def _use_service_account(configuration: client.Configuration, account: ServiceAccount) -> None:
    """As the client library does it, but with a token that is never a minute old: requests that fail meanwhile cost the Lease."""

    def renew(renewed: client.Configuration) -> None:
        renewed.api_key["BearerToken"] = f"Bearer {account.token()}"

    configuration.host, configuration.ssl_ca_cert = account.server, account.ca_file
    configuration.refresh_api_key_hook = renew  # type: ignore[assignment]
    renew(configuration)  # the hook is asked only where there is a token already


class Api:
    """Reads and writes objects as JSON. `fence` is called before each write and raises where it is not allowed."""

    def __init__(self, api_client: client.ApiClient, fence: Callable[[], None]) -> None:
        self._client = api_client
        self._fence = fence

    async def apply(self, wanted: Obj) -> Obj:
        """Server-side apply, forced: what is wanted is ours. Returns the live object.

        Raises:
            ApiError: of the kind that the answer stands for.
        """
        meta = wanted["metadata"]
        path = kinds.path(wanted["kind"], meta["namespace"], meta["name"])
        return await self._write("PATCH", path, wanted, _APPLY, {"fieldManager": FIELD_MANAGER, "force": "true"})

    async def apply_status(self, kind: str, namespace: str, name: str, status: Obj, version: str | None = None) -> Obj:
        """Server-side apply of the status subresource; fields left out are given up. Returns the live object.

        With a resource version the status is written to that version of the object only: the API server passes over a
        uid that is sent with a status.

        Raises:
            ConflictError: the object is not in that version any more.
            ApiError: of the kind that the answer stands for.
        """
        resource = kinds.RESOURCES[kind]
        meta = {"name": name} if version is None else {"name": name, "resourceVersion": version}
        body = {"apiVersion": resource.api_version, "kind": kind, "metadata": meta, "status": status}
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._write("PATCH", kinds.path(kind, namespace, name, "status"), body, _APPLY, query)

    async def annotate_pod(self, namespace: str, name: str, uid: str, annotations: dict[str, str]) -> Obj:
        """Set annotations of this very pod. Returns the live object.

        Raises:
            ConflictError: the pod of that name is another one by now.
            ApiError: of the kind that the answer stands for.
        """
        body = {"metadata": {"uid": uid, "annotations": annotations}}
        query = {"fieldManager": FIELD_MANAGER}
        try:
            return await self._write("PATCH", kinds.path("Pod", namespace, name), body, _MERGE, query)
        except errors.RefusedError as error:
            if _FOREIGN_UID in str(error):
                raise errors.ConflictError(str(error), error.status) from error
            raise

    async def delete(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """Delete this very object; one that is gone already is fine.

        Raises:
            ConflictError: the object of that name is another one by now.
            ApiError: of the kind that the answer stands for.
        """
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}}
        try:
            await self._write("DELETE", kinds.path(kind, namespace, name), body, _JSON, {})
        except errors.NotFoundError:
            return

    async def create_event(self, event: Obj) -> None:
        """Post a Kubernetes Event (events.k8s.io/v1).

        Raises:
            ApiError: of the kind that the answer stands for.
        """
        path = f"/apis/events.k8s.io/v1/namespaces/{event['metadata']['namespace']}/events"
        await self._write("POST", path, event, _JSON, {})

    async def read_lease(self, namespace: str, name: str) -> Obj:
        """The Lease.

        Raises:
            ApiError: of the kind that the answer stands for.
        """
        return await self._send("GET", _lease(namespace, name), None, _JSON, {})

    async def write_lease(self, lease: Obj) -> Obj:
        """Create the Lease, or replace the version that was read; no fence, since this is what moves it.

        Raises:
            ConflictError: another has written it meanwhile.
            ApiError: of the kind that the answer stands for.
        """
        meta = lease["metadata"]
        if "resourceVersion" in meta:
            return await self._send("PUT", _lease(meta["namespace"], meta["name"]), lease, _JSON, {})
        return await self._send("POST", _lease(meta["namespace"]), lease, _JSON, {})

    async def read(self, kind: str, namespace: str, name: str) -> Obj | None:
        """The object as the API server, not a cache, knows it; None where there is none.

        Raises:
            ApiError: of the kind that the answer stands for.
        """
        try:
            return await self._send("GET", kinds.path(kind, namespace, name), None, _JSON, {})
        except errors.NotFoundError:
            return None

    async def serves(self, api_version: str) -> bool:
        """Whether the API server knows the group version.

        Raises:
            ApiError: of the kind that the answer stands for.
        """
        try:
            await self._send("GET", f"/apis/{api_version}", None, _JSON, {})
        except errors.NotFoundError:
            return False
        return True

    async def identities(self, kind: str, namespace: str | None) -> list[Identity]:
        """Name, uid and version of every object of a kind that concerns the operator; no namespace means all.

        Raises:
            ApiError: of the kind that the answer stands for.
        """
        query = {"labelSelector": MANAGED_BY_SELECTOR} if kind in kinds.OWNED else {}
        answer = await self._send("GET", kinds.path(kind, namespace), None, _JSON, query, accept=_METADATA_ONLY)
        return [_identity(kind, item["metadata"]) for item in answer.get("items") or ()]

    async def find(self, kind: str, namespace: str, name: str) -> Obj | None:
        """The object by a list of one, since the operator may list Pods and not get them; None where there is none.

        Raises:
            ApiError: of the kind that the answer stands for.
        """
        query = {"fieldSelector": f"metadata.name={name}"}
        answer = await self._send("GET", kinds.path(kind, namespace), None, _JSON, query)
        return next(iter(answer.get("items") or ()), None)

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def _write(self, method: str, path: str, body: Obj, content_type: str, query: dict[str, str]) -> Obj:
        self._fence()
        return await self._send(method, path, body, content_type, query)

    async def _send(
        self,
        method: str,
        path: str,
        body: Obj | None,
        content_type: str,
        query: dict[str, str],
        accept: str = _JSON,
    ) -> Obj:
        headers = {**self._client.default_headers, "Accept": accept, "Content-Type": content_type}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = self._client.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        try:
            response = await self._client.rest_client.request(  # type: ignore[no-untyped-call]
                method, url, headers=headers, body=body, _request_timeout=aiohttp.ClientTimeout(total=TIMEOUT)
            )
            content: bytes = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise errors.UnavailableError(f"{method} {path}: {type(error).__name__} {error}") from error
        if 200 <= response.status < 300:
            decoded: Obj = msgspec.json.decode(content, type=dict)
            return decoded
        raise errors.from_response(response.status, _message(content), response.headers.get("Retry-After"))


def _identity(kind: str, meta: Obj) -> Identity:
    return Identity(kind, meta.get("namespace", ""), meta["name"], meta["uid"], resource_version(meta))


def _lease(namespace: str, name: str | None = None) -> str:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    return f"{path}/{name}" if name else path


def _message(content: bytes) -> str:
    """What the API server says of its refusal, within reason."""
    try:
        answer: Any = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return content[:200].decode(errors="replace")
    return str(answer.get("message", ""))[:800] if isinstance(answer, dict) else ""
