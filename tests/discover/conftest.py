"""Puts the foreign servers of this folder on the path, and an OPC UA server of asyncua's own on loopback."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from asyncua import Server, ua

sys.path.insert(0, str(Path(__file__).parent))


class Press:
    """A press with folders, units, names of codes, a companion namespace, and things that are no candidates."""

    def __init__(self) -> None:
        self.server = Server()
        self.url = ""

    async def start(self) -> None:
        await self.server.init()
        self.server.set_endpoint("opc.tcp://127.0.0.1:0")
        self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        await self._fill()
        await self.server.start()
        self.url = f"opc.tcp://127.0.0.1:{self.server.bserver._server.sockets[0].getsockname()[1]}"

    async def _fill(self) -> None:
        at = await self.server.register_namespace("http://acme.example/press")
        packml = await self.server.register_namespace("http://opcfoundation.org/UA/PackML/")
        press = await self.server.nodes.objects.add_object(at, "Presse")
        energy = await press.add_object(at, "Energie")
        power = await energy.add_variable(ua.NodeId("P;akt", at), "Wirkleistung", 4.2)
        unit = ua.EUInformation("http://www.opcfoundation.org/UA/units/un/cefact", 4937544, ua.LocalizedText("kW"))
        await power.add_property(ua.NodeId("P.EU", at), "0:EngineeringUnits", unit)
        state = await press.add_variable(ua.NodeId(7, at), ua.QualifiedName("StateCurrent", packml), 1)
        texts = [ua.LocalizedText(text) for text in ("Stillstand", "Produktion", "Rüsten", "Störung")]
        await state.add_property(ua.NodeId("Z.ES", at), "0:EnumStrings", texts)
        await press.add_variable(ua.NodeId("good", at), "Gutteile", ua.Variant(12, ua.VariantType.UInt32))
        await press.add_variable(ua.NodeId("curve", at), "Kraftkurve", [1.0, 2.0])
        await energy.add_reference(press.nodeid, ua.NodeId(ua.Int32(ua.ObjectIds.Organizes)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def press() -> AsyncIterator[Press]:
    press = Press()
    await press.start()
    yield press
    await press.server.stop()
