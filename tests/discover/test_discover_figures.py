"""The figures that discover promises on foreign servers, and that nothing is proposed for what does not exist."""

import pytest
from measure import figures
from servers import Verdict, contract, judge, servers

from plantwright_cli.discover.proposals import propose

VENDORS_AT_LEAST = 6
RIGHT_FIRST, AMONG_THREE, WRONG = 0.70, 0.90, 0.02


@pytest.mark.parametrize("folder", ["tuning", "evaluation"])
def test_figures_hold(folder: str) -> None:
    verdicts: list[Verdict] = [verdict for server in servers(folder) for verdict in judge(server)]
    counted = figures(verdicts)
    assert len(servers(folder)) >= VENDORS_AT_LEAST
    assert counted.first / counted.exist >= RIGHT_FIRST
    assert counted.among_three / counted.exist >= AMONG_THREE
    assert counted.wrong / counted.accepted <= WRONG
    assert counted.accepted / counted.exist >= RIGHT_FIRST, "an acceptance score that accepts nothing proves nothing"


@pytest.mark.parametrize("server", servers("evaluation"), ids=lambda server: server.name)
def test_truth_names_signals_that_exist(server: object) -> None:
    """A typing error in the truth would otherwise count as a field that cannot be found."""
    from servers import _is

    for field, names in server.truth.items():
        for name in names:
            assert any(_is(candidate, [name]) for candidate in server.candidates), f"{field}: {name}"


@pytest.mark.parametrize("folder", ["tuning", "evaluation"])
def test_nothing_is_invented(folder: str) -> None:
    for server in servers(folder):
        invented = [v.field for v in judge(server) if not v.exists and v.accepted is not None]
        assert invented == [], server.name


@pytest.mark.parametrize("server", servers("evaluation"), ids=lambda server: server.name)
def test_each_signal_is_proposed_once(server: object) -> None:
    taken = [v.proposal.best.candidate for v in judge(server) if v.accepted is not None]
    assert len(taken) == len(set(taken))


def test_answers_are_the_same_each_time() -> None:
    server = servers("evaluation")[0]
    assert propose([contract()], server.candidates) == propose([contract()], server.candidates)
