"""Which plant it is, which machines it has and where their gateways are, as the cluster knows it."""

import asyncio
import ipaddress
from typing import Final

import msgspec

from plantwright_api.wire.board import Flow
from plantwright_board.feed.gateways import Gateways
from plantwright_board.feed.kubernetes import Api, Mirror, Object
from plantwright_board.model.board import Board
from plantwright_board.model.site import Line, Roles, Site

OURS: Final = "/apis/plantwright.io/v1alpha1"
GATEWAY: Final = "app.kubernetes.io/name=plantwright-gateway"


class Part(msgspec.Struct, rename="camel"):
    """Base of what objects hold; what it does not name is passed over."""


class _Line(Part):
    name: str
    flow: Flow = "Parallel"
    bottleneck: str | None = None
    exit: str | None = None


class _Area(Part):
    name: str
    lines: list[_Line] = []


class _PlantSpec(Part):
    enterprise: str = ""
    site: str = ""
    time_zone: str = "Etc/UTC"
    areas: list[_Area] = []


class PlantObject(Object):
    """A Plant."""

    spec: _PlantSpec = msgspec.field(default_factory=_PlantSpec)


class _Ref(Part):
    name: str = ""


class _Location(Part):
    area: str = ""
    line: str = ""


class _MachineSpec(Part):
    plant_ref: _Ref = msgspec.field(default_factory=_Ref)
    location: _Location = msgspec.field(default_factory=_Location)


class MachineObject(Object):
    """A Machine."""

    spec: _MachineSpec = msgspec.field(default_factory=_MachineSpec)


class _PodStatus(msgspec.Struct):
    podIP: str = ""  # noqa: N815 - Kubernetes' own spelling
    phase: str = ""


class PodObject(Object):
    """A gateway's Pod."""

    status: _PodStatus = msgspec.field(default_factory=_PodStatus)


class Cluster:
    """Keeps the board and the gateways that are followed as the cluster has them."""

    def __init__(self, api: Api, namespace: str, plant: str, port: int, board: Board, gateways: Gateways) -> None:
        self._plant, self._port, self._board, self._gateways = plant, port, board, gateways
        ours, core = f"{OURS}/namespaces/{namespace}", f"/api/v1/namespaces/{namespace}"
        one = {"fieldSelector": f"metadata.name={plant}"}
        own = {"labelSelector": f"{GATEWAY},plantwright.io/plant={plant}"}
        self._plants = Mirror(api, f"{ours}/plants", one, PlantObject, self._describe)
        self._machines = Mirror(api, f"{ours}/machines", {}, MachineObject, self._place)
        self._pods = Mirror(api, f"{core}/pods", own, PodObject, self._follow)

    @property
    def known(self) -> bool:
        """Whether the cluster has told which machines and gateways there are."""
        return self._machines.known and self._pods.known

    async def run(self) -> None:
        """Watch; does not return."""
        await asyncio.gather(self._plants.run(), self._machines.run(), self._pods.run())

    def _describe(self) -> None:
        if plant := self._plants.objects.get(self._plant):
            self._board.describe(site(plant))

    def _place(self) -> None:
        own = {n: m.spec for n, m in self._machines.objects.items() if m.spec.plant_ref.name == self._plant}
        self._board.place({name: Line(spec.location.area, spec.location.line) for name, spec in own.items()})

    def _follow(self) -> None:
        self._gateways.follow(
            {name: url for name, pod in self._pods.objects.items() if (url := url_of(pod, self._port))}
        )


def site(plant: PlantObject) -> Site:
    """What the board shows of a Plant."""
    lines = {
        Line(area.name, line.name): Roles(line.flow, line.bottleneck or "", line.exit or "")
        for area in plant.spec.areas
        for line in area.lines
    }
    return Site(plant.metadata.name, plant.spec.enterprise, plant.spec.site, plant.spec.time_zone, lines)


def url_of(pod: PodObject, port: int) -> str:
    """Where a gateway answers; "" while it does not, or where its address is none."""
    if pod.status.phase != "Running":
        return ""
    try:
        address = ipaddress.ip_address(pod.status.podIP)
    except ValueError:
        return ""
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"
