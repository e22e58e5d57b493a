"""Walking a real server: what is found in it, and that one without an end comes to an end."""

import time
from typing import Any

import pytest
from asyncua import ua

from plantwright_api.wire.config import OpcUaSource
from plantwright_cli.discover.candidates import Companion, Limits, Offer
from plantwright_cli.discover.opcua import offer
from plantwright_cli.errors import UserError

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _offer(url: str, **limits: Any) -> Offer:
    source = OpcUaSource(url=url, security_mode="None", timeout_ms=2000)
    return await offer(source, Limits(**limits))


@pytest.mark.slow
async def test_variables_with_what_they_say_of_themselves(press: Any) -> None:
    found = {candidate.place: candidate for candidate in (await _offer(press.url)).candidates}
    assert set(found) == {"Presse/StateCurrent", "Presse/Gutteile", "Presse/Energie/Wirkleistung"}
    power, state = found["Presse/Energie/Wirkleistung"], found["Presse/StateCurrent"]
    assert (power.unit, power.kind, power.sample) == ("kW", "Number", 4.2)
    assert power.address == "nsu=http://acme.example/press;s=P;akt"
    assert state.companion == Companion("http://opcfoundation.org/UA/PackML/", "StateCurrent")
    assert dict(state.codes) == {"0": "Stillstand", "1": "Produktion", "2": "Rüsten", "3": "Störung"}


async def test_companion_specifications_are_named(press: Any) -> None:
    assert (await _offer(press.url)).companions == ("PackML (OPC 30050)",)


def _endless(params: ua.BrowseParameters) -> list[ua.BrowseResult]:
    """Every node has three children that nobody has seen before."""
    return [_children(description.NodeId) for description in params.NodesToBrowse]


def _children(parent: ua.NodeId) -> ua.BrowseResult:
    names = [f"{str(parent.Identifier)[-40:]}.{number}" for number in range(3)]
    references = [
        ua.ReferenceDescription(
            ReferenceTypeId=ua.NodeId(ua.Int32(ua.ObjectIds.Organizes)),
            IsForward=True,
            NodeId=ua.NodeId(f"{time.monotonic_ns()}{name}", 2),
            BrowseName=ua.QualifiedName(name, 2),
            DisplayName=ua.LocalizedText(name),
            NodeClass=ua.NodeClass.Object,
            TypeDefinition=ua.NodeId(ua.Int32(ua.ObjectIds.FolderType)),
        )
        for name in names
    ]
    return ua.BrowseResult(References=references)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"nodes": 500}, "no variable.*more than 500 nodes"),
        ({"seconds": 1.0, "depth": 64, "nodes": 10**6}, "no variable.*after 1 s"),
        ({"depth": 3}, "no variable.*more than 3 levels"),
    ],
    ids=["nodes", "seconds", "depth"],
)
@pytest.mark.row("B9")
async def test_a_server_that_lists_nodes_for_ever(
    press: Any, monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any], said: str
) -> None:
    monkeypatch.setattr(press.server.iserver.view_service, "browse", _endless)
    began = time.monotonic()
    with pytest.raises(UserError, match=said):
        await _offer(press.url, **limits)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("limits", "said"), [({"nodes": 6}, "more than 6 nodes"), ({"depth": 1}, "more than 1 levels deep")]
)
async def test_what_was_seen_until_a_limit_is_offered(press: Any, limits: dict[str, Any], said: str) -> None:
    seen = await _offer(press.url, **limits)
    assert seen.candidates
    assert seen.incomplete
    assert said in seen.warnings[0]


async def test_nobody_there() -> None:
    with pytest.raises(UserError, match="ConnectionRefused"):
        await _offer("opc.tcp://127.0.0.1:1")
