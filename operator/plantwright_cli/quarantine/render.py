"""The quarantine for people, and for programs."""

from typing import Any, Final

import msgspec
from rich.console import Console

from plantwright_api.wire.quarantine import MachineQuarantine
from plantwright_api.wire.status import Replay
from plantwright_cli.tables import plain, table

CURES: Final = {
    "NotKept": "the source could not make a value of what it read, or it was too large: there is nothing to replay",
    "NoSignal": "no signal of the profile fills the field any more",
    "Blocked": "a value that blocks the contract is still wrong",
}
SHOWN: Final = 10


def show(console: Console, found: MachineQuarantine) -> None:
    """By kind, then the newest values."""
    head = f"{found.name}: {found.held} values held" + (
        f", {found.dropped} dropped for newer ones" if found.dropped else ""
    )
    console.print(plain(head))
    if not found.kinds:
        return
    kinds = table("Contract", "Field", "Reason", "Values", "Replayable", "First", "Last")
    for kind in found.kinds:
        contract = f"{kind.contract} {kind.contract_version}".strip()
        cells = (
            contract,
            kind.field,
            kind.reason,
            str(kind.count),
            str(kind.replayable),
            kind.first_time,
            kind.last_time,
        )
        kinds.add_row(*map(plain, cells))
    newest = table("Time", "Field", "Value", "Reason", title="Newest")
    for value in found.newest[:SHOWN]:
        newest.add_row(*map(plain, (value.time, f"{value.contract}.{value.field}", value.value, value.reason)))
    console.print(kinds, newest, sep="\n")


def replay_text(replay: Replay) -> str:
    """What came of a replay."""
    lines = [f"{replay.released} values delivered, {sum(replay.kept.values())} stay in quarantine"]
    for reason, count in sorted(replay.kept.items(), key=lambda item: (-item[1], item[0])):
        cure = CURES.get(reason, "mend the contract or the mapping, then replay again")
        lines.append(f"  {count} {reason}: {cure}")
    return "\n".join(lines)


def json(value: Any) -> str:
    """As JSON, with the field names of the gateway's answers."""
    return msgspec.json.format(msgspec.json.encode(value)).decode()
