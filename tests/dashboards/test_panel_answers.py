"""What counts as an answer to a panel's query, and what the previews make of it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from plantwright_dashboards import preview, queries
from plantwright_dashboards.queries import Answer, Span, Target, ask, filled

SPAN = Span(100.0, 200.0, 10.0)
TARGET = Target("fleet", "OEE", "A", "oee", instant=True, table=False, labels=("plant",))


def one(value: str, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [200.0, value]}


def answered(*series: dict[str, Any], target: Target = TARGET) -> Answer:
    return ask(lambda _path: {"status": "success", "data": {"result": list(series)}}, target, SPAN)


@pytest.mark.parametrize(
    ("series", "problem"),
    [
        pytest.param([one("0.5", plant="s")], "", id="fine"),
        pytest.param([one("0", plant="s")], "", id="zero-is-a-value"),
        pytest.param([one("+Inf", plant="s")], "", id="so-is-infinity"),
        pytest.param([], "no series", id="none"),
        pytest.param([one("0.5", plant="s"), one("0.5")], "series without plant", id="legend-with-a-hole"),
        pytest.param([one("NaN", plant="s")], "no value is a number", id="no-number"),
    ],
)
def test_an_answer_is_series_with_the_legends_labels_and_a_number(series: list[dict[str, Any]], problem: str) -> None:
    assert answered(*series).problem == problem


def test_a_tables_cell_may_be_empty_a_whole_column_not() -> None:
    rows = TARGET._replace(table=True)
    assert answered(one("1", plant="s"), one("1"), target=rows).problem == ""
    assert answered(one("1"), target=rows).problem == "series without plant"


def test_a_refused_query_is_told_in_prometheus_words() -> None:
    answer = ask(lambda _path: {"status": "error", "error": "parse error: unexpected }"}, TARGET, SPAN)
    assert answer.problem == "refused: parse error: unexpected }"


def test_a_graph_is_asked_over_the_span_and_a_figure_at_its_end() -> None:
    paths: list[str] = []

    def prometheus(path: str) -> Any:
        paths.append(path)
        return {"status": "success", "data": {"result": []}}

    ask(prometheus, TARGET, SPAN)
    ask(prometheus, TARGET._replace(instant=False), SPAN)
    assert paths == [
        "/api/v1/query?query=oee&time=200.000",
        "/api/v1/query_range?query=oee&start=100.000&end=200.000&step=10",
    ]


def test_a_variable_without_a_value_is_an_error() -> None:
    assert filled('x{plant=~"$plant"}[${window}]', {"plant": "s", "window": "1h"}) == 'x{plant=~"s"}[1h]'
    with pytest.raises(KeyError):
        filled("x[$nothing]", {})


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.123, "percentunit", "12.3 %"),
        (None, "percentunit", "–"),
        (float("nan"), "s", "–"),
        (1.0, "bool_yes_no", "Yes"),
        (2**21, "bytes", "2.0 MiB"),
        (31536000, "s", "365 days"),
        (12345.6, "none", "12346"),
    ],
)
def test_values_are_shown_in_their_unit(value: float | None, unit: str, text: str) -> None:
    assert preview.shown(value, unit) == text


def test_only_what_is_looked_at_alone_is_chosen() -> None:
    chosen = {"plant": "stuttgart", "machine": "lathe-01"}
    boards = queries.dashboards()
    assert preview.singled(boards["machine"], chosen) == {**queries.EVERYTHING, **chosen}
    assert preview.singled(boards["plant"], chosen) == {**queries.EVERYTHING, "plant": "stuttgart"}
    assert preview.singled(boards["fleet"], chosen) == dict(queries.EVERYTHING)


def test_a_preview_says_what_it_is_and_shows_a_hole_as_one() -> None:
    dashboard = queries.dashboards()["rollout"]
    picture = preview.drawn(lambda _path: {"status": "success", "data": {"result": []}}, "rollout", dashboard, SPAN)
    assert preview.LABEL in picture
    assert picture.count(">–<") == len([panel for panel in dashboard["panels"] if panel["type"] == "stat"])
    assert picture.count("no finite value") == len([p for p in dashboard["panels"] if p["type"] == "timeseries"])


@contextmanager
def answering() -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """A Prometheus that has nothing: its URL, and what it was asked."""
    asked: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(parse_qs(urlsplit(self.path).query))
            body = json.dumps({"status": "success", "data": {"result": []}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_the_command_draws_every_dashboard_of_the_machine_that_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering() as (url, asked):
        monkeypatch.setattr("sys.argv", ["preview", url, str(tmp_path), "--minutes", "3", "machine=lathe-01"])
        preview.main()
    assert {path.stem for path in tmp_path.iterdir()} == {f"preview-{name}" for name in queries.dashboards()}
    assert any('machine=~"lathe-01"' in each["query"][0] for each in asked)
    lengths = {float(each["end"][0]) - float(each["start"][0]) for each in asked if "end" in each}
    assert {round(length, 2) for length in lengths} == {180}
