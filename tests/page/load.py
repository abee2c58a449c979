"""A load: many entries through the real server into the page, and what the page's own thread did meanwhile.

`python -m tests.page.load` (make trace-page) prints the measurement: a table of the tasks of the page's main thread, as
Chromium's trace and its observer of long tasks tell them. Speed is measured here, not asserted anywhere.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, expect, sync_playwright

from tests.page.lifelike import quick_rows
from tests.page.screen import Screen
from tests.support.need import need
from tests.support.platformos import PlatformOS
from tests.support.server import Server

MOST_HELD = 100_000  # entries that the page holds
MOST_DRAWN = 2_000  # entries that are elements
RATE = 200  # entries a second
CHUNK = 5_000  # rows listed at once while the page fills
FILL_MS = 240_000
CATEGORIES = "toplevel,disabled-by-default-devtools.timeline,devtools.timeline,v8.execute"
LONG_MS = 200.0
QUERY = "-type:debug -message:liquid -/nothing/"
WATCH_LONG_TASKS = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) window.longTasks.push({ startTime, duration });
}).observe({ type: "longtask", buffered: true });
"""


def fill(screen: Screen, platformos: PlatformOS, count: int, seed: str = "load") -> None:
    """List `count` rows and wait until the page has them all, or holds as many as it may."""
    made = quick_rows(count, seed)
    for start in range(0, count, CHUNK):
        platformos.add(*made[start : start + CHUNK])
        expect(screen.entry(platformos.ids[-1])).to_have_count(1, timeout=FILL_MS)


@contextmanager
def arriving(platformos: PlatformOS, rate: int = RATE) -> Iterator[None]:
    """List `rate` rows a second, ten times a second, while the block runs."""
    over = threading.Event()
    made = quick_rows(100_000, "arriving")

    def run() -> None:
        begin, listed = time.monotonic(), 0
        while not over.wait(0.1):
            due = int((time.monotonic() - begin) * rate)
            platformos.add(*(made[n % len(made)] for n in range(listed, due)))
            listed = due

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the page's main thread, in milliseconds."""

    at: float
    took: float
    worked: float  # of that, on a processor: on a machine that is busy with other things the rest is waiting
    of: str  # what took most of it


class Trace:
    """Chromium's trace of one page, while `tracing` runs."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session
        self._complete = ""
        self.events: list[dict[str, Any]] = []
        session.on("Tracing.tracingComplete", lambda told: setattr(self, "_complete", told["stream"]))

    @contextmanager
    def tracing(self, page: Page) -> Iterator[None]:
        """Record what happens in the block."""
        config = {"includedCategories": CATEGORIES.split(","), "recordMode": "recordContinuously"}
        self._session.send("Tracing.start", {"transferMode": "ReturnAsStream", "traceConfig": config})
        yield
        self._session.send("Tracing.end")
        while not self._complete:
            page.wait_for_timeout(50)
        parts = []
        while True:
            part = self._session.send("IO.read", {"handle": self._complete})
            parts.append(part["data"])
            if part["eof"]:
                break
        self.events = json.loads("".join(parts))["traceEvents"]

    def tasks(self) -> list[Task]:
        """The tasks of the main thread that works most: the page's."""
        mains = {
            (each["pid"], each["tid"])
            for each in self.events
            if each["name"] == "thread_name" and each["args"].get("name") == "CrRendererMain"
        }
        of: dict[tuple[int, int], list[dict[str, Any]]] = {main: [] for main in mains}
        for each in self.events:
            if each.get("ph") == "X" and (each["pid"], each["tid"]) in of:
                of[each["pid"], each["tid"]].append(each)
        busiest = max(of.values(), key=lambda events: sum(e.get("dur", 0) for e in events if _is_task(e)), default=[])
        tasks = [each for each in busiest if _is_task(each)]
        begin = min((each["ts"] for each in tasks), default=0)
        return [
            Task((e["ts"] - begin) / 1000, e["dur"] / 1000, e.get("tdur", e["dur"]) / 1000, _parts(e, busiest))
            for e in tasks
        ]


def _is_task(event: dict[str, Any]) -> bool:
    return event["name"] == "RunTask" and "dur" in event


def _parts(task: dict[str, Any], events: list[dict[str, Any]]) -> str:
    """What a long task was made of: the three kinds of work that took most, each without what lies inside it."""
    if task["dur"] < 50_000:
        return ""
    end = task["ts"] + task["dur"]
    inside = [e for e in events if e is not task and "dur" in e and task["ts"] <= e["ts"] and e["ts"] + e["dur"] <= end]
    alone: dict[str, float] = {}
    open_: list[dict[str, Any]] = []
    for each in sorted((e for e in inside if "RunTask" not in e["name"]), key=lambda e: (e["ts"], -e["dur"])):
        while open_ and each["ts"] >= open_[-1]["ts"] + open_[-1]["dur"]:
            open_.pop()
        if open_:
            alone[open_[-1]["name"]] -= each["dur"]
        alone[each["name"]] = alone.get(each["name"], 0) + each["dur"]
        open_.append(each)
    most = sorted(alone.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{name} {took / 1000:.0f}" for name, took in most)


def heap_mb(page: Page) -> float:
    """What the page's JavaScript holds, after a collection, in MB."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def measure(browser: Browser, server: Server, platformos: PlatformOS, *, seconds: int, keep: Path | None) -> str:
    """Fill the page, have entries arrive for a while, and say what its main thread did."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script(WATCH_LONG_TASKS)
    screen = Screen(context, server).open().connect()
    begin = time.monotonic()
    fill(screen, platformos, MOST_HELD)
    filled = time.monotonic() - begin
    lines = [
        f"{MOST_HELD:,} entries held after {filled:.0f} s; the page's JavaScript holds {heap_mb(screen.page):.0f} MB"
    ]
    for name, act in (
        ("following", lambda: None),
        ("scrolled up", screen.scroll_up),
        ("while a search runs", lambda: screen.page.locator("#search").fill("order")),
        ("while only matches are shown", lambda: screen.page.locator("#only").check()),
        ("while a query narrows too", lambda: _narrow(screen.page)),
    ):
        lines.append(_measured(screen, platformos, name, act, seconds, keep))
        if name == "scrolled up":
            screen.jump.click()
    lines.append(
        f"then {screen.page.get_by_text(re.compile('held')).first.inner_text()}; {heap_mb(screen.page):.0f} MB"
    )
    context.close()
    return "\n".join(lines)


def _narrow(page: Page) -> None:
    field = page.locator("#filter")  # by its label it would be looked for among all elements, in the page's own thread
    field.fill(QUERY)
    field.press("Enter")


def _measured(screen: Screen, platformos: PlatformOS, name: str, act: Any, seconds: int, keep: Path | None) -> str:
    page = screen.page
    page.evaluate("() => { window.longTasks.length = 0; }")
    trace = Trace(screen.page.context.browser.new_browser_cdp_session())  # type: ignore[union-attr]
    before = len(platformos.ids)
    with trace.tracing(page), arriving(platformos):
        act()
        page.wait_for_timeout(seconds * 1000)
    tasks = trace.tasks()
    seen = page.evaluate("() => window.longTasks.map(each => each.duration)")
    if keep is not None:
        with gzip.open(keep / f"trace-{name.replace(' ', '-')}.json.gz", "wt") as file:
            json.dump({"traceEvents": trace.events}, file)
    longest = sorted(tasks, key=lambda task: -task.took)[:3]
    told = "".join(f"\n    {t.took:.0f} ms, {t.worked:.0f} of work, at {t.at / 1000:.1f} s: {t.of}" for t in longest)
    return (
        f"{name}: {(len(platformos.ids) - before) / seconds:.0f} entries/s for {seconds} s, "
        f"main thread works {sum(task.worked for task in tasks) / (seconds * 10):.0f} % of the time\n"
        f"  tasks over {LONG_MS:.0f} ms: {_over(tasks, LONG_MS)}, over 50 ms: {_over(tasks, 50)}, by the trace; "
        f"{len([1 for took in seen if took > LONG_MS])} and {len(seen)} by the page's observer\n"
        f"  longest:{told}"
    )


def _over(tasks: list[Task], ms: float) -> str:
    return f"{sum(t.took > ms for t in tasks)} ({sum(t.worked > ms for t in tasks)} in work)"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="how long entries arrive, in each case")
    parser.add_argument("--keep", type=Path, help="a folder for the traces, which chrome://tracing shows")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, PlatformOS() as platformos, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox"])
        with Server(Path(folder), environments={"staging": platformos}) as server:
            print(f"Chromium {browser.version}, {RATE} entries/s", flush=True)
            print(measure(browser, server, platformos, seconds=args.seconds, keep=args.keep), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
