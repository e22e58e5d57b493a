"""The configuration file, and how it is wrong."""

from pathlib import Path

import pytest

from plantwright_shopfloor.config import FloorConfig, check, load


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "shopfloor.yaml"
    path.write_text(text)
    return path


def test_machines_and_fleets(tmp_path: Path) -> None:
    config = load(
        written(
            tmp_path,
            "machines: [{name: lathe-01, protocol: ModbusTCP, port: 5020}]\n"
            "fleets: [{prefix: load, count: 60, firstPort: 15001}]\n",
        )
    )
    machines = config.all_machines()
    assert [machines[0].name, machines[1].name, machines[60].name] == ["lathe-01", "load-001", "load-060"]
    assert (machines[60].port, len(machines)) == (15_060, 61)


def test_an_empty_file_is_an_empty_floor(tmp_path: Path) -> None:
    assert load(written(tmp_path, "")) == FloorConfig()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("machines: [", "while parsing"),
        ("machine: []", "unknown field `machine`"),
        ("machines: [{name: a, protocol: Profibus, port: 1}]", "protocol"),
        ("machines: [{name: a, protocol: ModbusTCP, port: 1}, {name: a, protocol: ModbusTCP, port: 2}]", "same name"),
        ("machines: [{name: a, protocol: ModbusTCP, port: 1}, {name: b, protocol: ModbusTCP, port: 1}]", "same port"),
        ("machines: [{name: a, protocol: ModbusTCP, port: 1, layout: mill}]", "layout must be one of lathe, press"),
        ("machines: [{name: a, protocol: OPCUA, port: 4840}]", "needs certificates"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        load(written(tmp_path, text))


def test_the_module_shows_a_configuration_that_works(tmp_path: Path) -> None:
    import plantwright_shopfloor.config as module

    text = (module.__doc__ or "").split("```yaml")[1].split("```")[0]
    config = load(written(tmp_path, text))
    check(config)
    assert len(config.all_machines()) == 64
