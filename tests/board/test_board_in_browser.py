"""The page in a real browser, with two hundred machines: what it shows, how soon, and that everybody can read it."""

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from browser import Browser
from colours import contrast
from replay import Floor
from running import Board, run_board

pytestmark = pytest.mark.slow
MACHINES = 200
PAINTED = "performance.getEntriesByName('board-painted').length"
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
NEVER_SHOWN = "p-4711"


def card(name: str) -> str:
    return f"document.querySelector('.card[data-machine=\"{name}\"]')"


async def shown(browser: Browser, board: Board, query: str = "") -> None:
    await browser.open(f"{board.url}/{query}")
    await browser.until(PAINTED)


async def test_all_machines_are_painted_within_a_second(browser: Browser, board: Board) -> None:
    await shown(browser, board)
    assert await browser.evaluate("document.querySelectorAll('.card').length") == MACHINES
    assert await browser.evaluate("performance.getEntriesByName('board-painted')[0].startTime") < 1000
    assert browser.complaints == []


async def test_a_stop_is_seen_within_two_seconds(browser: Browser, board: Board, hall: Floor) -> None:
    await shown(browser, board)
    number = next(number for number, live in hall.machines.items() if live.state == "Production")
    name, begun = hall.machines[number].machine, time.monotonic()
    hall.say(number, state="Delay", reason=f"jam {HOSTILE}")
    await browser.until(f"{card(name)}.dataset.state === 'Delay'")
    assert time.monotonic() - begun < 2
    text = await browser.evaluate(f"{card(name)}.innerText")
    assert "Stopped" in text
    assert HOSTILE in text
    assert await browser.evaluate(f"{card(name)}.querySelector('use').getAttribute('href')") == "#shape-Delay"
    assert await browser.evaluate("document.title") == "stuttgart – shop-floor board"
    assert browser.complaints == []


async def test_nothing_comes_from_elsewhere_and_names_of_people_stay_away(
    browser: Browser, board: Board, hall: Floor
) -> None:
    await shown(browser, board)
    assert {url.rsplit("/", 1)[0] for url in browser.requested} == {board.url}
    text = await browser.evaluate("document.body.innerText")
    assert any(live.person == NEVER_SHOWN for live in hall.machines.values())
    assert NEVER_SHOWN not in text
    assert await browser.evaluate("document.cookie") == ""


async def test_a_lost_gateway_is_no_data_since_and_comes_back(browser: Browser, board: Board, hall: Floor) -> None:
    await shown(browser, board)
    number = next(number for number, live in hall.machines.items() if live.state == "Production")
    name = hall.machines[number].machine
    away = hall.machines.pop(number)
    hall.send(number, None)
    await browser.until(f"{card(name)}.dataset.state === 'NoData'")
    text = await browser.evaluate(f"{card(name)}.innerText")
    assert "No data" in text
    assert "since" in text
    assert "OEE –" in text
    assert "its gateway is not heard" in text
    line = f"{card(name)}.closest('.line').querySelector('header').innerText"
    assert "of 2" in await browser.evaluate(line)
    hall.machines[number] = away
    await browser.until(f"{card(name)}.dataset.state === 'Production'", 20)


async def test_unknown_figures_are_dashes_and_inferred_states_are_marked(
    browser: Browser, board: Board, hall: Floor
) -> None:
    await shown(browser, board)
    unrated = next(
        live for live in hall.machines.values() if live.planned_production is None and live.state != "Unknown"
    )
    assert "OEE –" in await browser.evaluate(f"{card(unrated.machine)}.innerText")
    guessed = next(live for live in hall.machines.values() if live.inferred)
    assert "inferred, 93 % sure" in await browser.evaluate(f"{card(guessed.machine)}.innerText")


async def test_times_are_the_plants(browser: Browser, board: Board, hall: Floor) -> None:
    """The board's plant is in Berlin, the browser in Tokyo."""
    await browser.call("Emulation.setTimezoneOverride", timezoneId="Asia/Tokyo")
    await shown(browser, board)
    hall.say(0, since="2026-01-15T12:34:00Z")
    name = hall.machines[0].machine
    await browser.until(f"{card(name)}.innerText.includes('15 Jan 13:34')")


async def test_when_the_board_goes_the_page_says_so_and_waits(browser: Browser, hall: Floor) -> None:
    async with run_board(hall.urls[:3]) as board:
        await board.until(lambda frame: len(frame.machines) == 3)
        await shown(browser, board)
        assert await browser.evaluate("document.getElementById('link').innerText") == "Live"
    await browser.until("document.body.classList.contains('stale')")
    assert "No connection to the board. This was so at" in await browser.evaluate(
        "document.getElementById('link').innerText"
    )
    async with run_board(hall.urls[:3], port=int(board.url.rsplit(":", 1)[1])):
        await browser.until("!document.body.classList.contains('stale')", 20)


# -- for everybody -----------------------------------------------------------------------------------------------------

TEXTS = """(() => {
    const seen = new Map();
    const opaque = (node) => {
        for (let at = node; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (!/, 0\\)$|transparent/.test(colour)) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = walker.nextNode(); text; text = walker.nextNode()) {
        const parent = text.parentElement;
        if (!text.data.trim() || !parent.checkVisibility() || parent.closest("noscript")) continue;
        const pair = [getComputedStyle(parent).color, opaque(parent)];
        seen.set(pair.join(), [...pair, text.data.trim().slice(0, 40)]);
    }
    for (const shape of document.querySelectorAll("svg.shape")) {
        const pair = [getComputedStyle(shape).color, opaque(shape)];
        seen.set(pair.join(), [...pair, "a shape"]);
    }
    return [...seen.values()];
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_has_enough_contrast(browser: Browser, board: Board, hall: Floor, scheme: str) -> None:
    await browser.prefer(color_scheme=scheme)
    await shown(browser, board)
    for number, state in enumerate(("Production", "Setup", "Delay", "Idle", "PlannedDown", "Unknown")):
        hall.say(number, state=state, reason="", trouble="")
    hall.send(6, None)
    del hall.machines[6]
    await browser.until("document.querySelector('[data-state=NoData]')")
    await browser.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
    pairs = await browser.evaluate(TEXTS)
    assert len({ink for ink, _, _ in pairs}) > 6
    assert [pair for pair in pairs if contrast(pair[0], pair[1]) < 4.5] == []
    await browser.evaluate("document.body.classList.add('stale'); document.getElementById('link').className = 'lost'")
    assert [pair for pair in await browser.evaluate(TEXTS) if contrast(pair[0], pair[1]) < 4.5] == []


async def test_no_state_is_told_by_colour_alone(browser: Browser, board: Board, hall: Floor) -> None:
    await shown(browser, board)
    states = ("Production", "Setup", "Delay", "Idle", "PlannedDown", "Unknown")
    for number, state in enumerate(states):
        hall.say(number, state=state, inferred=False)
    shapes, words = set(), set()
    for number, state in enumerate(states):
        name = hall.machines[number].machine
        await browser.until(f"{card(name)}.dataset.state === '{state}'")
        href = await browser.evaluate(f"{card(name)}.querySelector('use').getAttribute('href')")
        shapes.add(await browser.evaluate(f"document.querySelector('{href}').innerHTML"))
        words.add(await browser.evaluate(f"{card(name)}.querySelector('.state').innerText"))
    assert len(shapes) == len(words) == len(states)


async def test_the_page_is_told_well(browser: Browser, board: Board) -> None:
    """Language, landmarks with names, headings in order, and every control with a name, as the accessibility tree has them."""
    await shown(browser, board)
    assert await browser.evaluate("document.documentElement.lang") == "en"
    levels = await browser.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((each) => +each.tagName[1])")
    assert levels[:2] == [1, 2]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    tree = (await browser.call("Accessibility.getFullAXTree"))["nodes"]
    roles: dict[str, list[str]] = {}
    for node in tree:
        roles.setdefault(node.get("role", {}).get("value", ""), []).append(node.get("name", {}).get("value", ""))
    assert len(roles["banner"]) == len(roles["main"]) == len(roles["contentinfo"]) == 1
    assert roles["navigation"] == ["What is shown"]
    assert all(roles["region"])
    assert [name.strip() for name in roles["combobox"]] == ["Area", "Line"]
    assert roles["checkbox"] == ["only what does not produce"]


async def test_the_keyboard_reaches_and_works_everything(browser: Browser, board: Board) -> None:
    await shown(browser, board)
    reached = []
    for _ in range(4):
        await browser.press("Tab", 9)
        reached.append(await browser.evaluate("document.activeElement.id || document.activeElement.className"))
        outline = await browser.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
    assert reached == ["skip", "area", "line", "standing"]
    await browser.press(" ", 32)
    await browser.until("document.getElementById('standing').checked")
    states = "[...document.querySelectorAll('.card')].filter((each) => each.checkVisibility()).map((each) => each.dataset.state)"
    visible = await browser.evaluate(states)
    assert visible
    assert "Production" not in visible
    assert await browser.evaluate("location.search") == "?standing=1"


async def test_a_screen_can_be_given_one_line(browser: Browser, board: Board) -> None:
    await shown(browser, board, "?area=assembly&line=line-2")
    lines = "[...document.querySelectorAll('.line')].filter((each) => each.checkVisibility()).map((each) => ({ ...each.dataset }))"
    assert await browser.evaluate(lines) == [{"area": "assembly", "line": "line-2"}]


async def test_who_wants_no_motion_gets_none(browser: Browser, board: Board, hall: Floor) -> None:
    await browser.prefer(reduced_motion="reduce")
    await shown(browser, board)
    hall.say(0, state="Setup")
    hall.say(0, state="Delay")
    await browser.until(f"{card(hall.machines[0].machine)}.dataset.state === 'Delay'")
    assert await browser.evaluate("document.getAnimations().length") == 0


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 568), (1920, 1080), (3840, 2160)])
async def test_nothing_is_wider_than_the_screen(browser: Browser, board: Board, width: int, height: int) -> None:
    await browser.size(width, height, mobile=width < 500)
    await shown(browser, board)
    assert await browser.evaluate("document.scrollingElement.scrollWidth") <= width
    clipped = "[...document.querySelectorAll('.card *')].filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== 'inline').length"
    assert await browser.evaluate(clipped) == 0


async def test_pictures_for_the_guide(browser: Browser, board: Board, hall: Floor, pictures: Path | None) -> None:
    if pictures is None:
        pytest.skip("pictures are taken with --screenshots")
    await shown(browser, board)
    sizes: dict[str, dict[str, Any]] = {
        "light": {"width": 1920, "height": 1080},
        "dark": {"width": 1920, "height": 1080},
        "phone": {"width": 390, "height": 844, "mobile": True},
    }
    for name, size in sizes.items():
        await browser.prefer(color_scheme="dark" if name == "dark" else "light")
        await browser.size(**size)
        await browser.picture(pictures / f"board-{name}.png")
