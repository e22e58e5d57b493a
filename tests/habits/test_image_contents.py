"""What a Dockerfile takes out of its image, the image's program does not import."""

import re
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
OURS = ("plantwright_api", "plantwright_operator", "plantwright_gateway", "plantwright_cli", "plantwright_board")


@pytest.mark.parametrize(
    ("dockerfile", "program"),
    [
        ("operator/Dockerfile", "plantwright_operator"),
        ("operator/Dockerfile", "plantwright_board"),
        ("gateway-image/Dockerfile", "plantwright_gateway"),
    ],
)
def test_what_is_removed_is_not_needed(dockerfile: str, program: str) -> None:
    [removed] = re.findall(r"rm -rf (.*?);", (ROOT / dockerfile).read_text())
    modules = {word.removeprefix("/opt/plantwright/").replace("/", ".") for word in removed.split()} - {"bin"}
    graph = grimp.build_graph(*OURS)
    needed = graph.find_upstream_modules(program, as_package=True)
    assert not [name for name in needed for module in modules if f"{name}.".startswith(f"{module}.")]
    assert needed, "the graph is not empty"
