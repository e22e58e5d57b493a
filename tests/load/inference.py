"""The state that is told from a load alone, against what simulated machines really did: `inference.py [--only PART]`.

Loads, truth and seeds stand in examples/shopfloor/plantwright_shopfloor/loads.py, loads_fourth.py and loads_fifth.py. The last two sets were
written down by somebody who had not seen the model, each before it was changed; their first runs stand in decision 0016. Writes docs/measured/inference.md, or the
part of it that was run; with --count, only so many days of each load are run, and the outcome is only printed. No cluster;
three minutes for each of the two long parts.
"""

import argparse
import os
import sys
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from plantwright_gateway.infer import Model
from plantwright_shopfloor.loads import (
    AGAIN_SEEDS,
    DAY,
    HELD_OUT,
    HELD_OUT_AGAIN,
    HELD_OUT_THIRD,
    OTHER_SEEDS,
    SEEDS,
    THIRD_SEEDS,
    TUNED,
    Load,
    Reading,
    readings,
)
from plantwright_shopfloor.loads_fifth import FIFTH_SEEDS, HELD_OUT_FIFTH
from plantwright_shopfloor.loads_fourth import FOURTH_SEEDS, HELD_OUT_FOURTH

OUT = Path(__file__).parents[2] / "docs" / "measured" / "inference.md"
SILENCE: Final = 20.0
"""Seconds; what lies between two samples that are further apart nobody has seen, so it is not judged."""
LEAST_STOP: Final = 30.0
HALF: Final = 0.5
"""A stop is found where so much of it was told as one, and a false alarm where less of it was."""

Span = tuple[float, float, str]


class Outcome(NamedTuple):
    """One load and seed, learning included; counts are of stops longer than LEAST_STOP."""

    name: str
    seed: int
    told: float
    """Balanced accuracy of what was told, each change counted from the time that it names."""
    live: float
    """The same of what was told at each sample, before later ones made it known."""
    cannot_tell: float
    cannot_tell_live: float
    """The same of what was told at each sample."""
    stops: int
    found: int
    false_alarms: int
    days: float
    learning_hours: float
    worked_hours: float
    """Of them, how long the machine produced."""
    microseconds: float
    makes_parts: bool
    parts: int
    """Made while cycles were told; those whose making nobody saw whole are left out."""
    cycles: int
    cycles_told: float
    """Share of the time of production in which cycles were told."""
    delays: list[float]
    """Seconds from a found stop's beginning until it was told."""
    wrong: Counter[str]
    """Hours of each mistake."""
    sure: dict[int, list[float]]
    """By confidence in tenths: seconds that were right, and all."""


class Traced(NamedTuple):
    """What was told at each sample of a load."""

    samples: list[Reading]
    live: list[str]
    told: list[str]
    confidence: list[float]
    cycles: list[int]
    tells: list[bool]
    """Whether cycles are told."""
    cpu_seconds: float
    changes: list[tuple[float, float, str]]
    """When told, since when, and what."""


def trace(samples: list[Reading]) -> Traced:
    """Give all samples to a new model."""
    model, times = Model(), [sample.seconds for sample in samples]
    live, confidence, cycles, tells, changes = [], [], [], [], []
    began = time.process_time()
    for sample in samples:
        now = model.observe(int(sample.seconds * 1e9), sample.value)
        if not live or live[-1] != now.word:
            changes.append((sample.seconds, now.since_ns / 1e9, now.word))
        live.append(now.word)
        confidence.append(now.confidence)
        changes += [(sample.seconds, each.since_ns / 1e9, each.word) for each in model.take_past()]
        cycles.append(model.cycles.count)
        tells.append(model.tells_cycles)
    cpu = time.process_time() - began
    told = list(live)
    for at, since, word in changes:
        if since < at:
            start, end = bisect_left(times, since - 1e-6), bisect_left(times, at)
            told[start:end] = [word] * (end - start)
    return Traced(samples, live, told, confidence, cycles, tells, cpu, changes)


def judge(load: Load, seed: int, days: float, learning: bool = True) -> Outcome:
    """Run a load and hold what was told against what was so; the time of learning is left out where `learning` is False."""
    samples = []
    for sample in readings(load, seed):
        if sample.seconds > days * DAY:
            break
        samples.append(sample)
    traced = trace(samples)
    first = next((place for place, word in enumerate(traced.live) if word), len(samples) - 1)
    learnt = samples[first].seconds
    worked = sum(two.seconds - one.seconds for one, two in pairwise(samples[: first + 1]) if one.truth == "Producing")
    if not learning:
        traced, first = _after(traced, first), 0
        samples = traced.samples
    true = _spans(samples, [_rough(sample.truth) for sample in samples])
    mine = [span for span in _spans(samples, [_rough(word) for word in traced.told]) if span[2] == "rest"]
    rests = [span for span in true if span[2] == "rest"]
    unseen = [(one.seconds, two.seconds, "") for one, two in pairwise(samples) if two.seconds - one.seconds > SILENCE]
    stops = [span for span in rests if span[1] - span[0] > LEAST_STOP and _covered(span, unseen) < HALF]
    found = [span for span in stops if _covered(span, mine) >= HALF]
    long = [span for span in mine if span[1] - span[0] > LEAST_STOP]
    told, cannot, wrong, sure = _accuracy(traced, traced.told)
    live, cannot_live = _accuracy(traced, traced.live)[:2]
    return Outcome(
        load.name,
        seed,
        told,
        live,
        cannot,
        cannot_live,
        len(stops),
        len(found),
        sum(_covered(span, rests) < HALF for span in long),
        (samples[-1].seconds - samples[0].seconds) / DAY,
        learnt / 3600,
        worked / 3600,
        traced.cpu_seconds / len(samples) * 1e6,
        load.parts,
        _parts_seen(traced),
        traced.cycles[-1] - traced.cycles[0],
        _cycles_told(traced),
        _delays([span for span in found if span[0] >= learnt], traced.changes),
        wrong,
        sure,
    )


def _after(traced: Traced, first: int) -> Traced:
    changes = [change for change in traced.changes if change[0] >= traced.samples[first].seconds]
    lists = (traced.samples, traced.live, traced.told, traced.confidence, traced.cycles, traced.tells)
    return Traced(*(each[first:] for each in lists), traced.cpu_seconds, changes)  # type: ignore[arg-type]


def _parts_seen(traced: Traced) -> int:
    seen, whole = 0, True
    for place, (one, two) in enumerate(pairwise(traced.samples), 1):
        whole = whole and two.seconds - one.seconds <= SILENCE
        if two.parts > one.parts:
            seen += (two.parts - one.parts) * (whole and traced.tells[place])
            whole = True
    return seen


def _cycles_told(traced: Traced) -> float:
    told = all_ = 0.0
    for (one, two), tells in zip(pairwise(traced.samples), traced.tells, strict=False):
        seconds = (two.seconds - one.seconds) * (one.truth == "Producing")
        told, all_ = told + seconds * tells, all_ + seconds
    return told / all_ if all_ else 0.0


def _rough(word: str) -> str:
    return {"Producing": "work", "": ""}.get(word, "rest")


def _spans(samples: Sequence[Reading], words: Sequence[str]) -> list[Span]:
    spans, start = [], 0
    for place in range(1, len(words) + 1):
        if place == len(words) or words[place] != words[start]:
            spans.append((samples[start].seconds, samples[min(place, len(words) - 1)].seconds, words[start]))
            start = place
    return spans


def _covered(span: Span, others: Sequence[Span]) -> float:
    """Which share of a span the others take; they are in order."""
    place = max(bisect_left(others, (span[0], span[0], "")) - 1, 0)
    sum_ = 0.0
    while place < len(others) and others[place][0] < span[1]:
        sum_ += max(0.0, min(span[1], others[place][1]) - max(span[0], others[place][0]))
        place += 1
    return sum_ / (span[1] - span[0])


def _accuracy(traced: Traced, words: list[str]) -> tuple[float, float, Counter[str], dict[int, list[float]]]:
    """Mean share that was right per true state, share not told, hours of each mistake, and how right by confidence."""
    right: Counter[str] = Counter()
    known: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    sure: dict[int, list[float]] = {}
    seen = untold = 0.0
    for place in range(len(words) - 1):
        truth, word = traced.samples[place].truth, words[place]
        seconds = traced.samples[place + 1].seconds - traced.samples[place].seconds
        if seconds > SILENCE:
            continue
        seen += seconds
        if not word:
            untold += seconds
            continue
        known[truth] += seconds
        band = sure.setdefault(min(9, int(10 * traced.confidence[place])), [0.0, 0.0])
        band[1] += seconds
        if word == truth:
            right[truth] += seconds
            band[0] += seconds
        else:
            wrong[f"{truth} told as {word}"] += seconds / 3600
    return (
        sum(right[truth] / known[truth] for truth in known) / max(1, len(known)),
        untold / seen if seen else 1.0,
        wrong,
        sure,
    )


def _delays(stops: Sequence[Span], changes: Iterable[tuple[float, float, str]]) -> list[float]:
    told = [at for at, _, word in changes if word in ("Off", "Idle")]
    delays = []
    for start, end, _ in stops:
        place = bisect_left(told, start)
        if place < len(told) and told[place] <= end + 60:
            delays.append(told[place] - start)
    return delays


# -- the page ----------------------------------------------------------------------------------------------------------

HEADING = (
    "| load | seeds | balanced accuracy | as told at once | cannot tell | at once | stops > 30 s found | false alarms per day | "
    "learning, h (of it producing) | told after, s (median, 95 %) | cycles told of parts made then | told for, of production | us per sample |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
)
AIM = "| aim | | ≥ 95 % | | ≤ 3 % | | ≥ 99 % | ≤ 1 | | | | | |\n"


def row(name: str, outcomes: Sequence[Outcome]) -> str:
    """One line of the table: means over outcomes, and sums where things are counted."""
    number = len(outcomes)
    delays = sorted(delay for each in outcomes for delay in each.delays) or [float("nan")]
    stops, found = sum(each.stops for each in outcomes), sum(each.found for each in outcomes)
    cells = (
        name,
        ", ".join(str(seed) for seed in sorted({each.seed for each in outcomes})),
        f"{sum(each.told for each in outcomes) / number:.2%}",
        f"{sum(each.live for each in outcomes) / number:.2%}",
        f"{sum(each.cannot_tell for each in outcomes) / number:.3%}",
        f"{sum(each.cannot_tell_live for each in outcomes) / number:.2%}",
        f"{found / stops if stops else 1:.2%} ({stops - found} of {stops} missed)",
        f"{sum(each.false_alarms for each in outcomes) / sum(each.days for each in outcomes):.2f}",
        f"{sum(each.learning_hours for each in outcomes) / number:.1f} "
        f"({sum(each.worked_hours for each in outcomes) / number:.1f})",
        f"{delays[len(delays) // 2]:.0f}, {delays[int(len(delays) * 0.95)]:.0f}",
        _counted(outcomes),
        f"{sum(each.cycles_told for each in outcomes) / number:.0%}",
        f"{sum(each.microseconds for each in outcomes) / number:.1f}",
    )
    return f"| {' | '.join(cells)} |\n"


def _counted(outcomes: Sequence[Outcome]) -> str:
    parts, cycles = sum(each.parts for each in outcomes), sum(each.cycles for each in outcomes if each.makes_parts)
    if any(each.makes_parts for each in outcomes):
        return f"{cycles / parts:.1%} ({cycles} of {parts})" if parts else f"{cycles} of none"
    return f"no parts; {sum(each.cycles for each in outcomes) / sum(each.days for each in outcomes):.0f} a day"


def table(outcomes: Sequence[Outcome]) -> str:
    """All loads, then all together."""
    names = list(dict.fromkeys(each.name for each in outcomes))
    rows = [row(name, [each for each in outcomes if each.name == name]) for name in names]
    return HEADING + "".join(rows) + row("**all**", outcomes) + AIM


def met(outcomes: Sequence[Outcome]) -> bool:
    """Whether each load by itself reaches what is aimed at, and all together the stops."""
    each_well = all(
        each.told >= 0.95 and each.cannot_tell <= 0.03 and each.false_alarms <= each.days for each in outcomes
    )
    return each_well and sum(each.found for each in outcomes) >= 0.99 * sum(each.stops for each in outcomes)


def mistakes(outcomes: Sequence[Outcome]) -> str:
    """What was told wrongly most, in hours."""
    lines = []
    for each in outcomes:
        worst = ", ".join(f"{what} {hours:.1f} h" for what, hours in each.wrong.most_common(3) if hours >= 0.05)
        lines.append(f"- {each.name}, seed {each.seed}: {worst or 'nothing for more than 3 min'}\n")
    return "".join(lines)


def calibration(outcomes: Sequence[Outcome]) -> str:
    """How often right, by the confidence that was told."""
    lines = ["| confidence | share of time | right |\n|---|---|---|\n"]
    all_ = sum(band[1] for each in outcomes for band in each.sure.values()) or 1.0
    for tenth in range(10):
        bands = [each.sure[tenth] for each in outcomes if tenth in each.sure]
        if total := sum(band[1] for band in bands):
            right = sum(band[0] for band in bands) / total
            lines.append(f"| {tenth / 10:.1f} to {(tenth + 1) / 10:.1f} | {total / all_:.2%} | {right:.2%} |\n")
    return "".join(lines)


class Section(NamedTuple):
    """A part of the page."""

    title: str
    loads: tuple[Load, ...]
    seeds: tuple[int, ...]


SECTIONS: Final = {
    "tuned": Section("Loads that the model was made with", TUNED, SEEDS),
    "seeds": Section("The same loads, with other seeds", TUNED, OTHER_SEEDS),
    "held-out": Section("Loads that were held out until the first run, and looked at after it", HELD_OUT, OTHER_SEEDS),
    "held-out-again": Section("Loads that were held out before that, and looked at since", HELD_OUT_AGAIN, AGAIN_SEEDS),
    "held-out-third": Section(
        "Loads that were held out for the version before, and looked at since", HELD_OUT_THIRD, THIRD_SEEDS
    ),
    "held-out-fourth": Section(
        "The fourth set: by another author, held out until its first run", HELD_OUT_FOURTH, FOURTH_SEEDS
    ),
    "held-out-fifth": Section(
        "The fifth set: by another author, held out until its first run; one mend after it, for the turning centre",
        HELD_OUT_FIFTH,
        FIFTH_SEEDS,
    ),
}


def main() -> int:
    """Run what is asked for; 0 where all is reached, else 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=float, help="days of each load")
    parser.add_argument("--only", choices=SECTIONS, help="one part of the page")
    asked = parser.parse_args()
    good = True
    for name in [asked.only] if asked.only else SECTIONS:
        busy, outcomes = os.getloadavg()[0], run(SECTIONS[name], asked.count)
        good = good and met(outcomes)
        if not asked.count:
            written = OUT.read_text(encoding="utf-8") if OUT.exists() else ""
            OUT.write_text(page(written, name, _section(name, outcomes, busy)), encoding="utf-8")
    print("all reached" if good else "MISS")
    return 0 if good else 1


def run(section: Section, days: float | None = None) -> list[Outcome]:
    """All loads and seeds of a part, each for so many days, or for as long as it is."""
    outcomes = []
    for load in section.loads:
        outcomes += [judge(load, seed, days or load.days) for seed in section.seeds]
        print(row(load.name, outcomes[-len(section.seeds) :]), end="", flush=True)
    return outcomes


def page(before: str, name: str, section: str) -> str:
    """The page with one part put in; the others stay."""
    parts = dict.fromkeys(SECTIONS, "")
    for part in before.split("\n## ")[1:]:
        known = [key for key, each in SECTIONS.items() if part.startswith(each.title)]
        parts.update({key: f"## {part.rstrip()}\n" for key in known})
    parts[name] = section
    return HEAD + "\n".join(part for part in parts.values() if part)


def _section(name: str, outcomes: Sequence[Outcome], busy: float) -> str:
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%MZ")
    python = ".".join(str(part) for part in sys.version_info[:3])
    return f"""## {SECTIONS[name].title}

`python tests/load/inference.py --only {name}`, {date}, {os.cpu_count()} cores, Python {python}, load {busy:.1f} when it began.

{table(outcomes)}
Told wrongly most:

{mistakes(outcomes)}
{calibration(outcomes)}"""


HEAD: Final = f"""# State told from a load alone

Loads and what is true of them: [loads.py](../../examples/shopfloor/plantwright_shopfloor/loads.py) and beside it, the first ten fixed before anything was tuned.
Balanced accuracy is the mean over Off, Idle and Producing of the share of that state's time which was told right; changes count
from the time that they name, which is how an MES gets them. "As told at once" takes the word at each sample instead: a stop is
told only once it is longer than the pauses of the cycle. Not judged is time in which nobody saw anything (no sample for
{SILENCE:.0f} s). Learning is judged like all other time. Most loads begin with hours switched off, in which there is nothing to learn from, so the
state is told live from the 1st to the 11th hour on ("learning, h"); what was so until then is told when learning is done, with the
times at which it was so. Cycles are compared with the parts made while cycles were told, those left out of which a part fell into a
stretch that nobody saw. "Cannot tell" is what stays unknown after that, the column next to it what was not known live. How often
each part had been run before the model was what it is, and what was changed on whose account, stands in
[decision 0016](../decisions/0016-inferred-state.md). What the model is and what it cannot do: [guide-state.md](../guide-state.md).

"""


if __name__ == "__main__":
    sys.exit(main())
