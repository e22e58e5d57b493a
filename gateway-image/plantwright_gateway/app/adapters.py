"""Finds adapters of sources, sinks and schedules through entry points; only those that a configuration names are imported."""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, Final, Protocol, cast

from plantwright_api.wire.config import HttpSchedule, HttpSink, Machine, MqttSchedule, MqttSink
from plantwright_gateway.ports.schedule import ScheduleClient
from plantwright_gateway.ports.sink import Sink
from plantwright_gateway.ports.source import Source

SOURCES: Final = "plantwright.sources"
SINKS: Final = "plantwright.sinks"
SCHEDULES: Final = "plantwright.schedules"


class UnknownAdapterError(LookupError):
    """No installed package offers an adapter of this name."""


class Adapters(Protocol):
    """Makes adapters for a configuration."""

    def source(self, machine: Machine) -> Source:
        """The source of a machine.

        Raises:
            UnknownAdapterError, ValueError: there is none, or it cannot be made so.
        """
        ...

    def sink(self, config: HttpSink | MqttSink) -> Sink:
        """A sink.

        Raises:
            UnknownAdapterError, ValueError: there is none, or it cannot be made so.
        """
        ...

    def schedule(self, config: HttpSchedule | MqttSchedule, machine: Machine) -> ScheduleClient:
        """Where a machine's schedule comes from.

        Raises:
            UnknownAdapterError, ValueError: there is none, or it cannot be made so.
        """
        ...


class Installed:
    """Adapters of the installed packages; `extra` (group, name) -> class goes first."""

    def __init__(self, extra: Mapping[tuple[str, str], Callable[..., Any]] | None = None) -> None:
        self._classes: dict[tuple[str, str], Callable[..., Any]] = dict(extra or {})

    def source(self, machine: Machine) -> Source:
        """See `Adapters`."""
        kind = self._class(SOURCES, tag_of(machine.source))
        read = [signal for signal in machine.signals if signal.expression is None]
        return cast(Source, kind(machine.source, read, machine.name))

    def sink(self, config: HttpSink | MqttSink) -> Sink:
        """See `Adapters`."""
        return cast(Sink, self._class(SINKS, tag_of(config))(config))

    def schedule(self, config: HttpSchedule | MqttSchedule, machine: Machine) -> ScheduleClient:
        """See `Adapters`."""
        return cast(ScheduleClient, self._class(SCHEDULES, tag_of(config))(config, machine))

    def _class(self, group: str, name: str) -> Callable[..., Any]:
        key = (group, name)
        if key not in self._classes:
            found = next(iter(entry_points(group=group, name=name)), None)
            if found is None:
                raise UnknownAdapterError(f"no adapter {name!r} is installed in {group}")
            self._classes[key] = found.load()
        return self._classes[key]


def tag_of(config: Any) -> str:
    """The name of an adapter, as the configuration's tag has it."""
    return str(config.__struct_config__.tag)
