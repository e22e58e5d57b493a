"""`python tests/discover/measure.py [tuning|evaluation] [-v]`: how right the proposals are, server by server."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from servers import Verdict, judge, servers


class Figures(NamedTuple):
    """Counts over fields: those that exist, right first, right among three; proposals accepted, and wrong of them."""

    exist: int
    first: int
    among_three: int
    accepted: int
    wrong: int


def figures(verdicts: Sequence[Verdict]) -> Figures:
    there = [v for v in verdicts if v.exists]
    accepted = [v for v in verdicts if v.accepted is not None]
    return Figures(
        len(there),
        sum(v.first for v in there),
        sum(v.among_three for v in there),
        len(accepted),
        sum(not v.accepted for v in accepted),
    )


def row(name: str, f: Figures) -> str:
    share = f"{f.first / f.exist:>9.0%} {f.among_three / f.exist:>9.0%}"
    wrong = f"{f.wrong / f.accepted:.1%}" if f.accepted else "-"
    return f"{name:<16}{f.exist:>7}{share}{f.accepted:>10}{f.wrong:>7} {wrong:>7}"


def main() -> None:
    folder = next((arg for arg in sys.argv[1:] if not arg.startswith("-")), "evaluation")
    everything: list[Verdict] = []
    print(f"{'server':<16}{'fields':>7}{'first':>9} {'of three':>9}{'accepted':>10}{'wrong':>7}")
    for server in servers(folder):
        verdicts = judge(server)
        everything += verdicts
        print(row(server.name, figures(verdicts)))
    print(row("all", figures(everything)))
    if "-v" in sys.argv:
        for v in everything:
            if (v.exists and not v.first) or v.accepted is False:
                best = v.proposal.best
                print(f"  {v.server} {v.field}: {v.got} {best.score if best else '-'} {best.reasons if best else ''}")


if __name__ == "__main__":
    main()
