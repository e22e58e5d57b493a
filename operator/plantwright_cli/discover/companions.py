"""Companion specifications of OPC UA that we recognise, by the namespace that defines a name. Data only.

Names that say what they are (FeedOverride, OperationMode) need no row: the lexicon reads them.
"""

from collections.abc import Mapping
from typing import Final

from plantwright_api.v1alpha1.codetables import CodeTable
from plantwright_cli.discover.candidates import Companion, Kind

SPECIFICATIONS: Final[Mapping[str, str]] = {
    "http://opcfoundation.org/UA/DI/": "Devices (OPC 10000-100)",
    "http://opcfoundation.org/UA/Machinery/": "Machinery (OPC 40001-1)",
    "http://opcfoundation.org/UA/Machinery/Jobs/": "Machinery Job Management (OPC 40001-3)",
    "http://opcfoundation.org/UA/MachineTool/": "Machine Tools (OPC 40501-1)",
    "http://opcfoundation.org/UA/PackML/": "PackML (OPC 30050)",
    "http://opcfoundation.org/UA/PlasticsRubber/IMM2MES/": "Injection moulding to MES (OPC 40077, Euromap 77)",
    "http://opcfoundation.org/UA/PlasticsRubber/GeneralTypes/": "Plastics and rubber (OPC 40083, Euromap 83)",
    "http://opcfoundation.org/UA/CNC": "CNC systems (OPC 40502)",
    "http://opcfoundation.org/UA/IA/": "Industrial automation (OPC 10000-200)",
    "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/": "ISA-95 job control (OPC 10031-4)",
}
"""Namespace URI -> the specification's name."""

_PACKML = "http://opcfoundation.org/UA/PackML/"
_MACHINERY = "http://opcfoundation.org/UA/Machinery/"
_GENERAL = "http://opcfoundation.org/UA/PlasticsRubber/GeneralTypes/"
_CNC = "http://opcfoundation.org/UA/CNC"

MEANINGS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    (_PACKML, "StateCurrent"): ("state",),
    (_PACKML, "UnitModeCurrent"): ("mode",),
    (_PACKML, "ProdProcessedCount"): ("part", "good"),
    (_PACKML, "ProdDefectiveCount"): ("part", "rejected"),
    (_PACKML, "ProdConsumedCount"): ("material", "count"),
    (_PACKML, "StopReasonId"): ("reason",),
    (_PACKML, "CurMachSpeed"): ("strokes", "speed"),
    (_PACKML, "MachSpeed"): ("strokes", "setpoint"),
    (_MACHINERY, "OperationDuration"): ("operating", "hours"),
    (_MACHINERY, "PowerOnDuration"): ("operating", "hours"),
    (_MACHINERY, "OperationCycleCounter"): ("cycle", "count"),
    (_MACHINERY, "MachineryItemState"): ("state",),
    (_MACHINERY, "MachineryOperationMode"): ("mode",),
    (_GENERAL, "JobGoodPartsCounter"): ("part", "good"),
    (_GENERAL, "JobBadPartsCounter"): ("part", "rejected"),
    (_GENERAL, "MachineMode"): ("mode",),
    (_GENERAL, "OperatingStatus"): ("state",),
    (_CNC, "ActOperationMode"): ("mode",),
    (_CNC, "ActStatus"): ("state",),
    (_CNC, "ActMainProgramName"): ("program",),
}
"""Names whose meaning the specification fixes and the words do not tell."""


def meaning(companion: Companion | None) -> tuple[str, ...]:
    """The concepts that a companion specification gives a name; () where it is none of ours."""
    return () if companion is None else MEANINGS.get((companion.uri, companion.name), ())


def title(companion: Companion | None) -> str:
    """The specification that defines the name, or ""."""
    return "" if companion is None else SPECIFICATIONS.get(companion.uri, "")


CODE_TABLES: Final[Mapping[tuple[str, str, Kind], CodeTable]] = {
    (_PACKML, "StateCurrent", "Integer"): "PackML",
    (_MACHINERY, "MachineryItemState", "Integer"): "MachineryItemState",
    (_MACHINERY, "MachineryItemState", "String"): "MachineryItemState",
}
"""Namespace URI, meaning and kind of value -> the table of its codes. A state machine of PackML names the states of its own
level (Cleared, Running), which are in no table."""

STATE_MACHINES: Final[Mapping[tuple[str, str], str]] = {
    (_MACHINERY, "MachineryItemState_StateMachineType"): "MachineryItemState",
    (_MACHINERY, "MachineryOperationModeStateMachineType"): "MachineryOperationMode",
    (_PACKML, "PackMLBaseStateMachineType"): "StateCurrent",
    (_PACKML, "PackMLMachineStateMachineType"): "StateCurrent",
}
"""Types of state machines, whose CurrentState means what the name on the right does."""
