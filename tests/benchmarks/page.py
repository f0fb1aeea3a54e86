"""What the page lets a listener wait for, in a real Chromium, with a large library: alone, and with others at once.

    python -m tests.benchmarks.page [--tracks 100000] [--others 0 9] [--browsers 1]

In: a library without sound (`tests/data/large_library.py`). Out: milliseconds until a view can be used, until each action has
been answered, and how often scrolling was held up (tasks longer than 50 ms). Who listens pauses between two actions, as
people do; each opens the page with nothing of it in the browser's store, all at the same moment. The others have browsers of
their own elsewhere: here they are what those ask of the service (`visits.py`). With `--browsers 10` ten Chromiums run instead.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, Page, async_playwright

from infra.store import Store
from tests.benchmarks.visits import Visit
from tests.browser import ARGUMENTS, executable
from tests.data.installed import Installed, wait_for
from tests.data.large_library import LargeLibrary

__all__ = ["OTHERS", "TRACKS", "measure"]

TRACKS = 100_000
OTHERS = (0, 9)
AT_ONCE = 2_000
ROUNDS = 3
PAUSE_S = (0.5, 2.0)
PATIENCE_S = 600
SCROLLED_FRAMES = 120

Times = dict[str, list[float]]

# Milliseconds from `act` until `ready` holds, looked at in every frame.
TIMED = """
([act, ready]) => new Promise((done, failed) => {
  const [doIt, isReady] = [new Function(act), new Function(`return ${ready}`)];
  const began = performance.now();
  const look = () => {
    if (isReady()) done(performance.now() - began);
    else if (performance.now() - began > 30000) failed(new Error(`never: ${ready}`));
    else requestAnimationFrame(look);
  };
  doIt();
  requestAnimationFrame(look);
})
"""

# Scrolls `by` pixels in each of `frames` frames; answers with the tasks that took longer than 50 ms, in milliseconds.
SCROLLED = """
async ([frames, by]) => {
  const long = [];
  const seen = new PerformanceObserver((list) => long.push(...list.getEntries().map((task) => task.duration)));
  seen.observe({ type: 'longtask' });
  for (let frame = 0; frame < frames; frame += 1) {
    scrollBy(0, by);
    await new Promise(requestAnimationFrame);
  }
  await new Promise((done) => setTimeout(done, 100));
  seen.disconnect();
  return long;
}
"""

FIRST = "document.querySelector('#segue-main .segue-card-title') && performance.now()"
CARDS = "document.querySelector('#segue-main .segue-card-title')"
ROWS = "document.querySelector('#segue-main .segue-track')"
FIRST_ROW = "document.querySelector('#segue-main .segue-track')?.dataset.id"
OPEN_ALBUM = "[...document.querySelectorAll('#segue-main .segue-card-title')][4].click()"
ALBUM = "document.querySelector('.segue-masthead-title') && document.querySelector('#segue-main .segue-track')"
TYPE = "const box = document.querySelector('#segue-search'); box.value = {words}; box.dispatchEvent(new Event('input'))"
RESULTS = "document.querySelector('.segue-results:not([aria-busy])')"
FOUND = (
    f"{RESULTS}?.querySelector('.segue-track') && {RESULTS}.querySelector('.segue-card-title')"
    " && document.title.includes('“' + {words} + '”')"
)
SORT = "document.querySelector('.segue-cell-{column} .segue-sort').click()"
SORTED = f"document.querySelector('[role=columnheader].segue-cell-{{column}}[aria-sort$=cending]') && {ROWS}"
PAGE_ON = "window.rows = document.querySelector('.segue-table-body').offsetHeight; scrollTo(0, window.rows)"
LONGER = "document.querySelector('.segue-table-body').offsetHeight > window.rows"


def measure(tracks: int, others: Sequence[int], browsers: int = 1) -> dict[int, dict[str, dict[str, float]]]:
    """Figures by how many others listen at once, after a visit that nobody counts."""
    with tempfile.TemporaryDirectory() as scratch:
        installed = Installed(Path(scratch) / "home")
        try:
            status = installed.up()
            fill(status, tracks)
            return compared(status["ui"], others, browsers)
        finally:
            installed.segue("down", check=False)


def compared(address: str, others: Sequence[int], browsers: int = 1) -> dict[int, dict[str, dict[str, float]]]:
    """The same of the page at `address`."""
    visit, _ = asyncio.run(visited(address, 1))
    found: dict[int, Times] = {number: defaultdict(list) for number in others}
    for round_ in range(ROUNDS):
        for number, times in found.items():
            for name, each in asyncio.run(visited(address, browsers, [visit] * number, round_))[1].items():
                times[name] += each
    return {number: summed(times) for number, times in found.items()}


def fill(status: dict[str, Any], tracks: int) -> None:
    """Put the library into the store, and wait until it is served."""
    with Store(status["mongo"], "segue") as store:
        records = LargeLibrary(tracks).records()
        while some := list(islice(records, AT_ONCE)):
            store.tracks.upsert(some)
    health = status["http"] + "/health"
    wait_for(lambda: httpx.get(health, timeout=30).json()["tracks"] == tracks, "all tracks served", PATIENCE_S)


async def visited(address: str, browsers: int, others: Sequence[Visit] = (), seed: int = 0) -> tuple[Visit, Times]:
    """The visit of the first of so many browsers, and what all of them waited for while `others` visit too."""
    times: Times = defaultdict(list)
    together = asyncio.Barrier(browsers + len(others))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS)
        chances = (random.Random(f"{seed}/{n}") for n in count())
        async with asyncio.TaskGroup() as tasks:
            seen = [
                tasks.create_task(listen(browser, address, next(chances), together, times)) for _ in range(browsers)
            ]
            asking = [tasks.create_task(ask(visit, next(chances), together)) for visit in others]
        await browser.close()
    if asking:
        times["an answer to the others"] = [took for each in asking for took in each.result()]
    return seen[0].result(), times


async def listen(
    browser: Browser, address: str, chance: random.Random, together: asyncio.Barrier, times: Times
) -> Visit:
    """One listener: opens the page when all are there, looks around, scrolls, searches."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    page.set_default_timeout(60_000)
    await together.wait()
    visit = Visit(context)
    await page.goto(address, wait_until="commit")
    times["the first view"].append(float(await (await page.wait_for_function(FIRST)).json_value()))
    for name, act, ready in actions(chance):
        await asyncio.sleep(chance.uniform(*PAUSE_S))
        times[name].append(float(await page.evaluate(TIMED, [act, ready])))
        if name in SCROLLING:
            times[SCROLLING[name]] += await scrolled(page)
    await context.close()
    return visit


async def ask(visit: Visit, chance: random.Random, together: asyncio.Barrier) -> list[float]:
    """One of the others: what the browser asks, once more."""
    library = LargeLibrary()
    searched = (word for _ in count() for word in searches(library, chance))
    await together.wait()
    return await visit.again(chance, searched)


SCROLLING = {"all albums": "held up scrolling albums", "the next tracks": "held up scrolling tracks"}
"""After which action one scrolls on, and what is counted then."""


async def scrolled(page: Page) -> list[float]:
    """Long tasks of scrolling on, in milliseconds."""
    found: list[float] = await page.evaluate(SCROLLED, [SCROLLED_FRAMES, 300])
    return found


def actions(chance: random.Random) -> Iterator[tuple[str, str, str]]:
    """What is done, how, and when it has been answered."""
    library = LargeLibrary()
    yield "all albums", "location.hash = '#/albums'", CARDS
    yield "an album", OPEN_ALBUM, ALBUM
    yield "all tracks", "location.hash = '#/tracks'", ROWS
    column = chance.choice(["title", "album", "year"])
    yield "sorted tracks", SORT.format(column=column), SORTED.format(column=column)
    yield "the next tracks", PAGE_ON, LONGER
    for words, name in zip(
        searches(library, chance), ("a search", "a search for the beginning of a word"), strict=True
    ):
        yield name, TYPE.format(words=json.dumps(words)), FOUND.format(words=json.dumps(words))
    yield "all artists", "location.hash = '#/artists'", CARDS
    yield "all genres", "location.hash = '#/genres'", "document.querySelector('.segue-genre-tile-link')"
    yield "the map", "location.hash = '#/map'", "document.querySelector('.segue-map-legend button')"


def searches(library: LargeLibrary, chance: random.Random) -> tuple[str, str]:
    """What somebody may search for: a word, and the beginning of it."""
    word = library.album(chance.randrange(library.tracks)).split()[0]
    return word, word[:-1]


def summed(times: Times) -> dict[str, dict[str, float]]:
    """Median and longest of each, and how many of what held up scrolling."""
    found = {}
    for name, each in times.items():
        ordered = sorted(each) or [0.0]
        found[name] = {"count": len(each), "median": ordered[len(ordered) // 2], "longest": ordered[-1]}
    for name in SCROLLING.values():
        found.setdefault(name, {"count": 0, "median": 0.0, "longest": 0.0})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--tracks", type=int, default=TRACKS)
    parser.add_argument("--others", type=int, nargs="+", default=OTHERS)
    parser.add_argument("--browsers", type=int, default=1)
    given = parser.parse_args()
    print(json.dumps(measure(given.tracks, given.others, given.browsers), indent=2))


if __name__ == "__main__":
    main()
