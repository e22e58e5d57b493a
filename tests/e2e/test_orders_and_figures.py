"""An order goes from the MES to the machine's data and back as a confirmation; the same figures everywhere; the board shows them."""

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from plantwright_demo.kubectl import Object
from plantwright_demo.stage import BOARD, MES, PLANT_NAMESPACE, PROMETHEUS

pytestmark = pytest.mark.e2e

NAME, ORDER = "lathe-01", "JO-4711-10"
HEARING = "by-broker"
"""A plant, and its one machine, that hears of orders at the broker alone."""
SPARE = "modbus+tcp://lathe-03.shopfloor.svc:502"
PRODUCTION = 'plantwright_machine_state_seconds_total{state="Production",planned="true"}'
WRITE = """
import sys, urllib.request
method, path, token = sys.argv[1:4]
request = urllib.request.Request("http://127.0.0.1:8080" + path, data=sys.argv[4].encode(), method=method)
request.add_header("Authorization", "Bearer " + token)
print(urllib.request.urlopen(request).read().decode())
"""


def write(world: Any, method: str, path: str, body: Object) -> Object:
    """Tell the MES something, as a terminal of the plant would."""
    secret = world.kubectl.get("secrets", MES.namespace, "mes-writers")["data"]["writers"]
    token = json.loads(base64.b64decode(secret))["foreman"]
    words = ["exec", "-n", MES.namespace, "deployment/mes", "--", "python3", "-c", WRITE]
    found: Object = json.loads(world.kubectl.run(*words, method, path, token, json.dumps(body)))
    assert not found.get("faults"), found
    return found


def now() -> str:
    return datetime.now(UTC).isoformat()


def figures(world: Any, begin: str, **more: str) -> list[Object]:
    query = urlencode({"plant": "stuttgart", "from": begin, "to": now(), "level": "machine", **more})
    found: list[Object] = world.stage.ask(MES, f"/v1/kpis?{query}")["figures"]
    return found


def series(world: Any, query: str) -> list[Object]:
    answer = world.stage.ask(PROMETHEUS, f"/api/v1/query?{urlencode({'query': query})}")
    found: list[Object] = answer["data"]["result"]
    return found


def test_an_order_is_in_the_machines_data_and_comes_back_as_figures(world: Any) -> None:
    begin = now()
    made = {"MaterialDefinitionID": "shaft-20", "Quantity": 50}
    job = {"ID": ORDER, "EquipmentRequirement": [{"EquipmentID": NAME}], "MaterialRequirement": [made]}
    place = {"HierarchyScope": {"EquipmentID": "stuttgart"}}
    write(world, "PUT", "/v1/workrequests/PO-4711", {**place, "JobOrder": [job]})
    write(world, "POST", f"/v1/joborders/{ORDER}/start", {"Time": begin})
    write(
        world,
        "POST",
        "/v1/personnel",
        {**place, "EquipmentID": NAME, "PersonID": "4711", "Action": "LogOn", "Time": begin},
    )

    def missing() -> str:
        rows = [row for row in figures(world, begin, machine=NAME, by="order") if row.get("jobOrder") == ORDER]
        good = rows[0]["goodQuantity"] if rows else None
        return "" if good else f"{ORDER} has {good} parts"

    world.wait_for("parts of the order", missing, 60)
    world.wait_condition(NAME, "ScheduleCurrent", "True", 90)
    write(world, "POST", f"/v1/joborders/{ORDER}/end", {"Time": now()})
    told = world.stage.ask(MES, f"/v1/schedule?plant=stuttgart&equipment={NAME}")
    assert [each["ID"] for each in told["JobOrder"]] == [ORDER]


def test_the_mes_and_prometheus_have_the_same_figures(world: Any) -> None:
    """Parts counted since the beginning are equal but for what one scrape and one batch are behind."""

    def counted() -> dict[str, tuple[float, float]]:
        live = {
            row["metric"]["machine"]: float(row["value"][1]) for row in series(world, "plantwright_good_parts_total")
        }
        exact = {row["machine"]: row["goodQuantity"] or 0 for row in figures(world, "2026-01-01T00:00:00Z")}
        return {name: (live[name], exact.get(name, 0)) for name in live}

    def missing() -> str:
        apart = {name: pair for name, pair in counted().items() if abs(pair[0] - pair[1]) > 3}
        return f"parts live and in SQL: {apart}" if apart else ""

    assert len(counted()) >= 6
    world.wait_for("the same counts", missing, 60)
    live = {row["metric"]["machine"]: float(row["value"][1]) for row in series(world, PRODUCTION)}
    scraped = {row["metric"]["machine"]: float(row["value"][1]) for row in series(world, f"timestamp({PRODUCTION})")}
    time.sleep(5)  # what was so at the scrape is on its way
    exact = {name: produced(world, name, at) for name, at in scraped.items()}
    pairs = {name: (round(live[name], 1), round(exact[name], 1)) for name in live}
    world.say(f"seconds of production, live and in SQL: {pairs}")
    # After a lost session the machine's own word on since when its state holds is exact, and the live counter cannot go back.
    assert all(-2.0 <= exact[name] - live[name] <= 20.0 for name in live), pairs


def produced(world: Any, name: str, at: float) -> float:
    """Seconds of production within planned time up to an instant, as the MES has them."""
    until = datetime.fromtimestamp(at, UTC).isoformat()
    [row] = figures(world, "2026-01-01T00:00:00Z", machine=name, to=until)
    return float(row["actualProductionSeconds"])


def test_the_board_shows_every_machine(world: Any) -> None:
    def missing() -> str:
        frame = world.stage.ask(BOARD, "/snapshot")
        shown = {row["machine"]: row["state"] for row in frame["machines"]}
        machines = {found["metadata"]["name"] for found in world.kubectl.items(world.MACHINES, PLANT_NAMESPACE)}
        unseen = sorted(name for name in machines if shown.get(name, "NoData") == "NoData")
        return f"no data on the board: {unseen}" if unseen else ""

    world.wait_for("the board", missing, 60)
    page = world.kubectl.service(*BOARD, "/")
    assert b"<html" in page


@pytest.fixture
def hearing(world: Any) -> Any:
    """Stuttgart once more, but for how its machines learn what to make."""
    plant = world.kubectl.get("plants.plantwright.io", PLANT_NAMESPACE, "stuttgart")
    mes = {**plant["spec"]["mes"], "schedule": {"mqtt": {"url": "mqtt://mosquitto.mes.svc:1883"}}}
    meta = {"name": HEARING, "namespace": PLANT_NAMESPACE}
    head = {"apiVersion": plant["apiVersion"], "kind": "Plant", "metadata": meta}
    world.kubectl.apply_text(json.dumps({**head, "spec": {**plant["spec"], "mes": mes}}))
    world.apply(HEARING, plantRef={"name": HEARING}, endpoint={"url": SPARE})
    yield
    world.remove(HEARING)
    world.kubectl.run("wait", "--for=delete", "-n", PLANT_NAMESPACE, f"pod/gw-{HEARING}-0", "--timeout=60s")
    world.kubectl.run("delete", "plant", "-n", PLANT_NAMESPACE, HEARING)


def test_an_order_is_heard_at_the_broker_changes_and_is_withdrawn(world: Any, hearing: None) -> None:
    """What began or ended counts from that very moment on, not from when it was heard."""
    place = {"HierarchyScope": {"EquipmentID": HEARING}}
    jobs = [{"ID": each, "EquipmentRequirement": [{"EquipmentID": HEARING}]} for each in ("JO-1", "JO-2")]

    def parts(order: str, since: str = "") -> None:
        def missing() -> str:
            begin = since or (datetime.now(UTC) - timedelta(seconds=10)).isoformat()
            rows = figures(world, begin, plant=HEARING, machine=HEARING, by="order")
            good = {row.get("jobOrder") or "": row["goodQuantity"] for row in rows if row["goodQuantity"]}
            return "" if list(good) == [order] else f"since {begin} parts by order: {good}"

        world.wait_for(f"parts of {order or 'no order'} and of no other", missing, 60)

    world.wait_condition(HEARING, "Commissioned", "True", 90)
    world.wait_condition(HEARING, "ScheduleCurrent", "True", 90, "Told")
    write(world, "PUT", "/v1/workrequests/PO-1", {**place, "JobOrder": jobs})
    parts("")
    given = now()
    write(world, "POST", "/v1/joborders/JO-1/start", {"Time": given})
    parts("JO-1", given)
    changed = now()
    write(world, "POST", "/v1/joborders/JO-2/start", {"Time": changed})
    write(world, "POST", "/v1/joborders/JO-1/end", {"Time": changed})
    parts("JO-2", changed)
    ended = now()
    write(world, "POST", "/v1/joborders/JO-2/end", {"Time": ended})
    parts("", ended)
    world.wait_condition(HEARING, "ScheduleCurrent", "True", 30, "Told")
