"""A gateway never calls Write, Call or any other service that changes a server: none is asked for, none is sent."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asyncua.client.ua_client import UASocketProtocol

import plantwright_gateway.sources.opcua as package

SOURCES = Path(package.__file__).parent
CHANGES = (
    "write_value", "write_values", "write_attribute", "write_attributes", "set_value", "set_values", "set_attributes",
    "set_writable", "set_read_only", "set_modelling_rule", "call", "call_method", "call_method_full", "add_nodes",
    "add_node", "add_object", "add_variable", "add_folder", "add_property", "add_method", "delete_nodes",
    "add_references", "delete_references", "history_update", "WriteParameters", "WriteRequest", "WriteValue",
    "CallRequest", "CallMethodRequest", "HistoryUpdateRequest", "AddNodesRequest", "DeleteNodesRequest",
)  # fmt: skip
READS = {
    "GetEndpointsRequest", "CreateSessionRequest", "ActivateSessionRequest", "CloseSessionRequest",
    "CloseSecureChannelRequest", "OpenSecureChannelRequest", "ReadRequest", "BrowseRequest", "BrowseNextRequest",
    "TranslateBrowsePathsToNodeIdsRequest", "CreateSubscriptionRequest", "ModifySubscriptionRequest",
    "DeleteSubscriptionsRequest", "TransferSubscriptionsRequest", "SetPublishingModeRequest", "PublishRequest",
    "RepublishRequest", "CreateMonitoredItemsRequest", "ModifyMonitoredItemsRequest", "DeleteMonitoredItemsRequest",
    "SetMonitoringModeRequest", "HistoryReadRequest", "FindServersRequest",
}  # fmt: skip
"""Services that leave a server's address space as it is."""


def used(path: Path) -> Iterator[str]:
    """Every attribute that a module looks up, and every name that it imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.name.rpartition(".")[2] for alias in node.names)


def test_no_code_asks_for_a_change() -> None:
    files = list(SOURCES.rglob("*.py"))
    assert len(files) > 5
    for path in files:
        assert not set(used(path)) & set(CHANGES), path


@pytest.mark.slow
async def test_only_reading_services_are_sent(
    plc: Any, signal: Any, reading: Any, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: set[str] = set()
    send = UASocketProtocol.send_request

    async def noted(self: Any, request: Any, *more: Any, **words: Any) -> Any:
        sent.add(type(request).__name__)
        return await send(self, request, *more, **words)

    monkeypatch.setattr(UASocketProtocol, "send_request", noted)
    await plc.start({"speed": 1.5})
    await reading(plc.url, [signal("speed")])
    await recorder.until(lambda: recorder.samples)
    assert {"CreateSessionRequest", "CreateMonitoredItemsRequest"} <= sent
    assert sent <= READS
