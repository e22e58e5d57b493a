"""Ready tables of the codes that standards give to a machine's states, for profiles to name instead of to copy.

Each row: the code as it is sent, its name in the standard, and the ISO 22400 time element that we count it as. Standards
do not say the last; it is our reading, one row at a time, and whoever reads it differently lists that code in the profile:
explicit entries win. None means that the code tells nothing about the machine, so its state is Unknown and no downtime.

How the time elements were chosen: Production (APT) while value is added; Setup (AUST) while an order is prepared; Delay
(ADET) while an order is under way and does not advance: a failure, a stop, or waiting for material in front or behind;
Idle (ADOT) while the machine could work and has nothing to do.

TRAP: PackML states have two numberings under the same names. OPC 30050 and ISA-TR88.00.02 begin with Clearing 1, the
tobacco industry's OPC 30060 with Stopped 0; Execute is 6 in the one and 4 in the other, where 4 is Idle in the first.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

CodeTable = Literal["PackML", "PackMLTMC", "MTConnectExecution", "MachineryItemState"]


class Code(NamedTuple):
    """One row. `state` is a MachineState of the profile, or None for a code that says nothing of the machine."""

    code: str
    name: str
    state: str | None


class Table(NamedTuple):
    """One table and where its codes and names are from."""

    source: str
    rows: tuple[Code, ...]


_PACKML_STATES: Final = {
    "Clearing": "Delay",  # clears what an abort left behind
    "Stopped": "Idle",  # powered and stationary; no fault (that is Aborted)
    "Starting": "Setup",  # the steps before Execute
    "Idle": "Idle",  # reset and waiting for a start
    "Suspended": "Delay",  # blocked or starved: a cause outside of the machine
    "Execute": "Production",
    "Stopping": "Idle",  # on the way to Stopped
    "Aborting": "Delay",  # a fault
    "Aborted": "Delay",
    "Holding": "Delay",  # a cause inside of the machine
    "Held": "Delay",
    "Unholding": "Delay",
    "Suspending": "Delay",
    "Unsuspending": "Delay",
    "Resetting": "Setup",  # made ready for a start
    "Completing": "Production",  # the rest of the run is worked off
    "Complete": "Idle",  # done, waiting for a reset
}
_PACKML_ORDER: Final = (
    "Clearing",
    "Stopped",
    "Starting",
    "Idle",
    "Suspended",
    "Execute",
    "Stopping",
    "Aborting",
    "Aborted",
    "Holding",
    "Held",
    "Unholding",
    "Suspending",
    "Unsuspending",
    "Resetting",
    "Completing",
    "Complete",
)
_TMC_ORDER: Final = (
    "Stopped",
    "Resetting",
    "Idle",
    "Starting",
    "Execute",
    "Completing",
    "Complete",
    "Aborting",
    "Aborted",
    "Stopping",
    "Clearing",
    "Suspending",
    "Suspended",
    "Unsuspending",
    "Holding",
    "Held",
    "Unholding",
)


def _numbered(names: Sequence[str], first: int) -> tuple[Code, ...]:
    return tuple(Code(str(code), name, _PACKML_STATES[name]) for code, name in enumerate(names, first))


TABLES: Final[Mapping[CodeTable, Table]] = {
    "PackML": Table("OPC 30050 (PackML) 1.01 StateNumber; ISA-TR88.00.02 UnitState", _numbered(_PACKML_ORDER, 1)),
    "PackMLTMC": Table("OPC 30060 (Tobacco Machinery) StateEnumeration", _numbered(_TMC_ORDER, 0)),
    "MTConnectExecution": Table(
        "MTConnect 2.7 Execution",
        (
            Code("READY", "READY", "Idle"),  # ready to execute, currently idle
            Code("ACTIVE", "ACTIVE", "Production"),
            Code("INTERRUPTED", "INTERRUPTED", "Delay"),  # by an external signal, until someone acts
            Code("FEED_HOLD", "FEED_HOLD", "Delay"),  # axes stopped where they are
            Code("STOPPED", "STOPPED", "Idle"),  # no program is ready; a fault would show as a Condition
            Code("OPTIONAL_STOP", "OPTIONAL_STOP", "Delay"),  # the program waits for the operator
            Code("PROGRAM_STOPPED", "PROGRAM_STOPPED", "Delay"),
            Code("PROGRAM_OPTIONAL_STOP", "PROGRAM_OPTIONAL_STOP", "Delay"),
            Code("PROGRAM_COMPLETED", "PROGRAM_COMPLETED", "Idle"),
            Code("WAIT", "WAIT", "Delay"),  # waits for an event, such as a loader
            Code("UNAVAILABLE", "UNAVAILABLE", None),  # the agent does not know
        ),
    ),
    "MachineryItemState": Table(
        "OPC 40001-1 (Machinery) 1.03 MachineryItemState StateNumber",
        (
            Code("0", "NotAvailable", None),  # the machine does not tell
            Code("1", "OutOfService", "Delay"),  # not functional: a fault or work on it
            Code("2", "NotExecuting", "Idle"),  # ready and without a task
            Code("3", "Executing", "Production"),
        ),
    ),
}
"""The only place where codes stand."""


def names(table: CodeTable, allowed: Sequence[str] | None = None) -> dict[str, str]:
    """What the codes of a table are called, by code and by the standard's own name (servers send either).

    Where a contract's enum is given, its spelling is taken for names that agree but for case and punctuation, and names
    that it does not have are left out: a machine in such a state breaks the contract, and shall be seen to.
    """
    rows = TABLES[table].rows
    spelled = None if allowed is None else {_plain(name): name for name in allowed}
    found: dict[str, str] = {}
    for row in rows:
        name = row.name if spelled is None else spelled.get(_plain(row.name))
        if name is not None:
            found[row.code] = found[row.name] = name
    return found


def states(table: CodeTable) -> dict[str, str]:
    """The ISO 22400 time element of each code and name of a table that tells one."""
    rows = [row for row in TABLES[table].rows if row.state is not None]
    return {key: row.state for row in rows for key in (row.code, row.name) if row.state is not None}


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
