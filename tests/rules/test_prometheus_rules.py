"""The chart's Prometheus rules do what they promise, and the tests that say so would notice if they did not."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "charts/plantwright/files/rules"
RUNBOOKS = ROOT / "docs/runbooks"
HERE = Path(__file__).parent
TEMPLATE_WINDOW, OTHER_WINDOWS = "1h", ("5m", "8h")
INTERVALS = {"5m": "15s", "1h": "1m", "8h": "2m"}
"""How often a window's rules are evaluated: a long window moves slowly and reads much."""

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, check=False, timeout=120)


def group_text(rules: str, window: str) -> str:
    """The lines of one window's group, as they stand in the file."""
    found = re.search(rf"(?ms)^  - name: plantwright-kpi-{window}\n.*?(?=^  - name: |\Z)", rules)
    assert found is not None, f"kpi.yaml has no group for {window}"
    return found[0].rstrip() + "\n"


@pytest.mark.parametrize("window", OTHER_WINDOWS)
def test_every_window_holds_the_same_rules(window: str, request: pytest.FixtureRequest) -> None:
    path = RULES / "kpi.yaml"
    rules = path.read_text()
    wanted = group_text(rules, TEMPLATE_WINDOW).replace(TEMPLATE_WINDOW, window)
    wanted = re.sub(r"(?m)^    interval: .*$", f"    interval: {INTERVALS[window]}", wanted)
    if request.config.getoption("--update-golden", default=False):
        path.write_text(rules.replace(group_text(rules, window), wanted))
    assert group_text(path.read_text(), window) == wanted, "edit the group of 1h, then run with --update-golden"


@needs_promtool
def test_promtool_accepts_the_rules() -> None:
    done = promtool("check", "rules", *sorted(RULES.glob("*.yaml")))
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.slow
@pytest.mark.parametrize(
    "case", sorted(HERE.glob("*.test.yaml")), ids=lambda path: path.name.removesuffix(".test.yaml")
)
def test_rules_give_the_figures_worked_out_by_hand(case: Path) -> None:
    done = promtool("test", "rules", case)
    assert done.returncode == 0, done.stdout + done.stderr


def alerts() -> list[dict[str, object]]:
    groups = yaml.safe_load((RULES / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_every_alert_says_what_it_means_and_where_the_cure_is_written() -> None:
    for alert in alerts():
        name, annotations, labels = str(alert["alert"]), alert["annotations"], alert["labels"]
        assert isinstance(annotations, dict)
        assert isinstance(labels, dict)
        assert {"summary", "description", "runbook_url"} <= set(annotations), name
        assert labels["severity"] in ("critical", "warning", "info"), name
        assert annotations["runbook_url"].endswith(f"/docs/runbooks/{name}.md"), name
        assert (RUNBOOKS / f"{name}.md").read_text().startswith(f"# {name}\n"), name


def test_no_runbook_is_left_of_an_alert_that_is_gone() -> None:
    written = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert written == {str(alert["alert"]) for alert in alerts()}


def test_every_alert_is_tested_firing() -> None:
    tests = "".join(path.read_text() for path in HERE.glob("alerts*.test.yaml"))
    fired = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts:\n", tests))
    fired |= set(re.findall(r'ALERTS\{alertname="(\w+)"', tests))
    assert fired == {str(alert["alert"]) for alert in alerts()}


SERIAL_BUSY = """              machine:plantwright_planned_busy_seconds:rate1h
              and on (plant, area, line, machine) machine:plantwright_line_role:last{role="bottleneck"}"""
MUTANTS = {
    "MTBF with failures in it": (
        "machine:plantwright_planned_busy_seconds:rate1h - machine:plantwright_delay_in_plan_seconds:rate1h",
        "machine:plantwright_planned_busy_seconds:rate1h - 0 * machine:plantwright_delay_in_plan_seconds:rate1h",
    ),
    "MTTR counts delay outside of the plan": (
        'seconds_total{state="Delay",planned="true"}[1h]',
        'seconds_total{state="Delay"}[1h]',
    ),
    "a serial line fails as its exit does": (
        """              machine:plantwright_failures:rate1h
              and on (plant, area, line, machine) machine:plantwright_line_role:last{role="bottleneck"}""",
        """              machine:plantwright_failures:rate1h
              and on (plant, area, line, machine) machine:plantwright_line_role:last{role="exit"}""",
    ),
    "a serial line stands with all of its machines": (
        """              machine:plantwright_delay_in_plan_seconds:rate1h
              and on (plant, area, line, machine) machine:plantwright_line_role:last{role="bottleneck"}""",
        """              machine:plantwright_delay_in_plan_seconds:rate1h
              and on (plant, area, line) machine:plantwright_line_role:last{role="bottleneck"}""",
    ),
    "the enterprise's MTBF is a mean": (
        """          sum(line:plantwright_time_without_failure_seconds:rate1h)
          / (sum(line:plantwright_failures:rate1h) > 0)""",
        """          avg(plant:plantwright_mtbf_seconds:ratio_rate1h)""",
    ),
    "MTTR where nothing failed": (
        "machine:plantwright_delay_in_plan_seconds:rate1h / (machine:plantwright_failures:rate1h > 0)",
        "machine:plantwright_delay_in_plan_seconds:rate1h / machine:plantwright_failures:rate1h",
    ),
    "first-pass yield of good parts that were reworked": (
        "machine:plantwright_good_parts:rate1h - machine:plantwright_reworked_parts:rate1h",
        "machine:plantwright_good_parts:rate1h and machine:plantwright_reworked_parts:rate1h",
    ),
    "first-pass yield over all parts": (
        "(sum(line:plantwright_parts_with_rework_known:rate1h) > 0)\n      - record: enterprise:plantwright_mtbf",
        "(sum(line:plantwright_parts:rate1h) > 0)\n      - record: enterprise:plantwright_mtbf",
    ),
    "availability over all time": (
        "machine:plantwright_availability:ratio_rate1h\n        expr: machine:plantwright_production_in_plan_seconds",
        "machine:plantwright_availability:ratio_rate1h\n        expr: machine:plantwright_production_seconds",
    ),
    "availability over planned time instead of busy time": (
        "(machine:plantwright_planned_busy_seconds:rate1h > 0)",
        "(machine:plantwright_planned_seconds:rate1h > 0)",
    ),
    "production in any state": (
        'seconds_total{state="Production",planned="true"}[1h]',
        'seconds_total{planned="true"}[1h]',
    ),
    "effectiveness over planned production only": (
        'seconds_total{state="Production"}[1h]',
        'seconds_total{state="Production",planned="true"}[1h]',
    ),
    "effectiveness clamped": (
        "expr: machine:plantwright_planned_production_seconds:rate1h / (machine:plantwright_production_seconds:rate1h > 0)",
        "expr: clamp_max(machine:plantwright_planned_production_seconds:rate1h / (machine:plantwright_production_seconds:rate1h > 0), 1)",
    ),
    "zero planned time divides": (
        "/ (machine:plantwright_planned_busy_seconds:rate1h > 0)",
        "/ machine:plantwright_planned_busy_seconds:rate1h",
    ),
    "zero parts divide": (
        "machine:plantwright_good_parts:rate1h / (machine:plantwright_parts:rate1h > 0)",
        "machine:plantwright_good_parts:rate1h / machine:plantwright_parts:rate1h",
    ),
    "zero parts divide, plant": ("line:plantwright_good_parts:rate1h) > 0)", "line:plantwright_good_parts:rate1h))"),
    "quality of good parts alone": (
        "machine:plantwright_good_parts:rate1h + machine:plantwright_rejected_parts:rate1h",
        "machine:plantwright_good_parts:rate1h",
    ),
    "NEE without setup": (
        "machine:plantwright_unit_processing_seconds:rate1h / (machine:plantwright_planned_busy_seconds:rate1h > 0)",
        "machine:plantwright_production_in_plan_seconds:rate1h / (machine:plantwright_planned_busy_seconds:rate1h > 0)",
    ),
    "setup rate over busy time": (
        "(machine:plantwright_unit_processing_seconds:rate1h > 0)",
        "(machine:plantwright_planned_busy_seconds:rate1h > 0)",
    ),
    "setup outside of the plan": (
        'seconds_total{state="Setup",planned="true"}[1h]',
        'seconds_total{state="Setup"}[1h]',
    ),
    "scrap over good parts": (
        "machine:plantwright_rejected_parts:rate1h / (machine:plantwright_parts:rate1h > 0)",
        "machine:plantwright_rejected_parts:rate1h / (machine:plantwright_good_parts:rate1h > 0)",
    ),
    "an enterprise is one plant": (
        "sum(line:plantwright_good_parts:rate1h and line:plantwright_parts:rate1h)",
        "max(plant:plantwright_parts:rate1h * plant:plantwright_quality:ratio_rate1h)",
    ),
    "the enterprise's scrap is a mean": (
        "sum(line:plantwright_rejected_parts:rate1h and line:plantwright_parts:rate1h)\n          / (sum(line:plantwright_parts:rate1h and line:plantwright_rejected_parts:rate1h) > 0)",
        "avg(plant:plantwright_scrap:ratio_rate1h)",
    ),
    "machines that count no rework weigh on a line's rework ratio": (
        "machine:plantwright_parts_with_rework_known:rate1h\n        expr: machine:plantwright_parts:rate1h and machine:plantwright_reworked_parts:rate1h",
        "machine:plantwright_parts_with_rework_known:rate1h\n        expr: machine:plantwright_parts:rate1h",
    ),
    "the enterprise's rework over all parts": (
        "sum(line:plantwright_reworked_parts:rate1h)\n          / (sum(line:plantwright_parts_with_rework_known:rate1h) > 0)",
        "sum(line:plantwright_reworked_parts:rate1h)\n          / (sum(line:plantwright_parts:rate1h) > 0)",
    ),
    "a serial line's scrap from all of its machines": (
        """(machine:plantwright_rejected_parts:rate1h and machine:plantwright_parts:rate1h)
              unless on (plant, area, line) machine:plantwright_line_role:last""",
        """(machine:plantwright_rejected_parts:rate1h and machine:plantwright_parts:rate1h)
              unless on (plant, area, line) (machine:plantwright_line_role:last < 0)""",
    ),
    "a reset counts as a loss": (
        "(rate(plantwright_planned_busy_seconds_total",
        "(deriv(plantwright_planned_busy_seconds_total",
    ),
    "unknown time counts as known": ('{state!="Unknown",planned="true"}[1h]', '{planned="true"}[1h]'),
    "OEE without quality": (
        "* machine:plantwright_effectiveness:ratio_rate1h\n          * machine:plantwright_quality:ratio_rate1h",
        "* machine:plantwright_effectiveness:ratio_rate1h",
    ),
    "a line is the mean of its machines": (
        "expr: line:plantwright_production_in_plan_seconds:rate1h / (line:plantwright_planned_busy_seconds:rate1h > 0)",
        "expr: avg by (plant, area, line) (machine:plantwright_availability:ratio_rate1h)",
    ),
    "a plant is the mean of its lines": (
        "sum by (plant) (line:plantwright_production_in_plan_seconds:rate1h and",
        "avg by (plant) (line:plantwright_production_in_plan_seconds:rate1h and",
    ),
    "a serial line's time from its exit": (SERIAL_BUSY, SERIAL_BUSY.replace("bottleneck", "exit")),
    "a serial line's parts from its bottleneck": (
        """              machine:plantwright_parts:rate1h
              and on (plant, area, line, machine) machine:plantwright_line_role:last{role="exit"}""",
        """              machine:plantwright_parts:rate1h
              and on (plant, area, line, machine) machine:plantwright_line_role:last{role="bottleneck"}""",
    ),
    "a serial line's planned run time from its exit": (
        'and on (plant, area, line, machine) machine:plantwright_line_role:last{role="bottleneck"}\n          ) * line',
        'and on (plant, area, line, machine) machine:plantwright_line_role:last{role="exit"}\n          ) * line',
    ),
    "no planned run time but the window's": (
        "              or machine:plantwright_planned_run_time_per_item_seconds:ratio_rate8h\n",
        "",
    ),
    "machines without part counters weigh on a line's effectiveness": (
        "(machine:plantwright_production_seconds:rate1h and machine:plantwright_planned_production_seconds:rate1h)",
        "machine:plantwright_production_seconds:rate1h",
    ),
    "lines without parts weigh on a plant's effectiveness": (
        "(sum by (plant) (line:plantwright_production_seconds:rate1h and line:plantwright_planned_production_seconds:rate1h) > 0)",
        "(sum by (plant) (line:plantwright_production_seconds:rate1h) > 0)",
    ),
    "plants are mixed": ("sum by (plant) (line:", "sum (line:"),
    "roles die with the operator": (
        "          or\n          (machine:plantwright_line_role:last unless on (plant) plantwright_machines)\n",
        "",
    ),
    "roles never end": (
        "plantwright_line_role:last unless on (plant) plantwright_machines)",
        "plantwright_line_role:last)",
    ),
    "an alert for machines that rest": (
        "rate(plantwright_planned_seconds_total[5m])) > 0",
        "rate(plantwright_planned_seconds_total[5m])) >= 0",
    ),
    "no alert without an operator": ("absent(plantwright_leader) and", "absent(plantwright_source_connected) and"),
    "no alert on two that stand by": ("sum by (namespace) (plantwright_leader)", "sum(plantwright_leader)"),
    "a buffer alert too late": ("max_bytes > 0) > 0.8", "max_bytes > 0) > 0.99"),
    "a contract alert blind to first values": (
        "(plantwright_quarantined_total unless plantwright_quarantined_total offset 15m)\n              or\n",
        "",
    ),
    "an alert lost for want of an owner": (
        '{__name__=~"plantwright_source_connected|plantwright_buffer_max_bytes|plantwright_quarantined_total"}',
        "plantwright_machine_info",
    ),
    "an alert lost for want of a contract's owner": (
        "group by (plant, contract, version) (plantwright_quarantined_total)",
        "group by (plant, contract, version) (plantwright_contract_info)",
    ),
    "an alert that forgets owners with the operator": (
        "(machine:plantwright_owner:info unless on (plant) plantwright_machines)",
        "(machine:plantwright_owner:info unless on (plant) plantwright_source_connected)",
    ),
    "an alert that keeps owners of machines that are gone": (
        "(machine:plantwright_owner:info unless on (plant) plantwright_machines)",
        "machine:plantwright_owner:info",
    ),
    "an alert stopped by two owners": (
        "topk by (plant, area, line, machine) (1,",
        "topk by (plant, area, line, machine) (2,",
    ),
    "a contract's alert to another plant's contract owner": (
        'label_replace(plantwright_contract_info, "contract_owner", "$1", "owner", "(.*)")',
        'label_replace(plantwright_contract_info, "contract_owner", "$1", "plant", "(.*)")',
    ),
    "an alert on a counter that was set back long ago": (
        "increase(plantwright_counter_set_backs_total[1h])",
        "plantwright_counter_set_backs_total",
    ),
    "an alert on a counter that was reset": (
        "increase(plantwright_counter_set_backs_total[1h])",
        "increase(plantwright_counter_resets_total[1h])",
    ),
    "an alert on a board whose gateway is away": (
        'sum by (plant) (plantwright_machines{condition="Connected",status="Unknown"}) > 0\n        for: 10m\n        labels:\n          severity: warning',
        'sum by (plant) (plantwright_machines{condition="Connected",status="Unknown"}) > 1\n        for: 10m\n        labels:\n          severity: warning',
    ),
    "an alert on viewers that a board sent away long ago": (
        "increase(plantwright_board_refused_viewers_total[15m])",
        "max_over_time(plantwright_board_refused_viewers_total[15m])",
    ),
    "an exception's alert too late": ("< 14 * 86400", "< 7 * 86400"),
}


@needs_promtool
@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_formula_turns_the_tests_red(mutant: str, tmp_path: Path) -> None:
    """Some test file must refuse each mutant for a figure, not for its syntax."""
    before, after = MUTANTS[mutant]
    texts = {path.name: path.read_text() for path in RULES.glob("*.yaml")}
    changed = {name: mutate(text, before, after) for name, text in texts.items()}
    assert sum(changed[name] != texts[name] for name in texts) == 1, f"the mutant no longer fits the rules: {before!r}"
    for name, text in changed.items():
        (tmp_path / name).write_text(text)
    assert promtool("check", "rules", *sorted(tmp_path.glob("*.yaml"))).returncode == 0
    assert any(turns_red(case, tmp_path, changed["kpi.yaml"]) for case in likely_cases(mutant))


def likely_cases(mutant: str) -> list[str]:
    """The test files that may notice, the quick ones first."""
    return ["alerts"] if "alert" in mutant else ["kpi-machine", "kpi-more", "kpi-lines", "kpi-windows"]


def mutate(text: str, before: str, after: str) -> str:
    """Make the change in every window."""
    for window in (TEMPLATE_WINDOW, *OTHER_WINDOWS):
        text = text.replace(before.replace(TEMPLATE_WINDOW, window), after.replace(TEMPLATE_WINDOW, window))
    return text


def turns_red(case: str, folder: Path, rules: str) -> bool:
    """Run one test file against the rules in a folder; those that ask for one window only get that, for speed."""
    kept = rules if case == "kpi-windows" else without_windows(rules, OTHER_WINDOWS)
    (folder / "kpi.yaml").write_text(kept)
    copy = folder / f"{case}.copy"
    copy.write_text(
        (HERE / f"{case}.test.yaml").read_text().replace("../../charts/plantwright/files/rules", str(folder))
    )
    done = promtool("test", "rules", copy)
    assert "error parsing" not in done.stdout + done.stderr
    return done.returncode != 0


def without_windows(rules: str, windows: tuple[str, ...]) -> str:
    for window in windows:
        rules = rules.replace(group_text(rules, window), "")
    return rules
