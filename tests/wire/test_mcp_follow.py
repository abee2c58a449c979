"""An agent that follows a log call by call: nothing is missed and nothing comes twice."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import pytest

from tests.support.platformos import PlatformOS
from tests.wire.agent import FETCH, KINDS, Start, called, content, ended, live, mendable, serving
from tests.wire.exchange import open_streams, wait_for

ROWS = 1000
SILENT = "platformOS did not answer for environment staging within 1 s; call again later."
MOST_SILENT = 3  # calls during which the server may have stood still, or the test with its stand-in


class Flow(threading.Thread):
    """Lists rows in bursts, each when the log was asked for anew."""

    def __init__(self, platformos: PlatformOS, dice: random.Random) -> None:
        super().__init__(daemon=True)
        self._platformos = platformos
        self._dice = dice

    def run(self) -> None:
        left = ROWS
        while left:
            burst = min(left, self._dice.randint(1, 60))
            kinds = [self._dice.choice(("info", "error", "LiquidError")) for _ in range(burst)]
            asked = len(self._platformos.requests)
            self._platformos.add(*({"error_type": kind} for kind in kinds))
            left -= burst
            if self._dice.random() < 0.4:
                self._platformos.wait_for_requests(asked + 1, 30)


@pytest.mark.parametrize("kind", KINDS)
def test_fetch_then_live_from_last_id_misses_none_and_repeats_none(kind: str, server: Start) -> None:
    """A thousand rows come in bursts. Calls have random lengths and limits, and half are cut in the middle."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    dice = random.Random(seed)
    with serving(server, kind) as (running, platformos):
        platformos.page = 40
        platformos.add_many(5)
        start = called(running, FETCH, env="staging", limit=3)
        assert [entry["id"] for entry in start["entries"]] == ["3", "4", "5"]
        got, last = [], start["lastId"]
        flow = Flow(platformos, random.Random(seed + 1))
        flow.start()
        cuts = calls = silent = 0
        while flow.is_alive() or last != platformos.ids[-1]:
            calls += 1
            assert calls < 300, f"seed {seed}"
            arguments = {"lastId": last, "maxDuration": 1000, "limit": dice.randint(1, 120),
                         "until": dice.choice(["first", "end"]), "full": dice.random() < 0.3}  # fmt: skip
            if dice.random() < 0.15:
                found = called(running, FETCH, env="staging", lastId=last, limit=dice.randint(1, 50))
                got += found["entries"]
                last = found["lastId"]
                continue
            begun = time.monotonic()
            with live(running, modern=dice.random() < 0.5, **arguments) as call:
                frames = dice.randint(1, 30) if cuts else 1  # the first is cut for certain
                if dice.random() < 0.6 or not cuts:
                    call.wait_until(lambda call=call, frames=frames: len(call.frames) >= frames)
                    if not call.ended_clean:
                        cuts += 1
                        dice.choice((call.close, call.reset))()
                        continue  # its result is lost, and so nothing was given
                answer = ended(call)
            if answer.get("isError"):
                assert mendable(answer) == SILENT, f"seed {seed}"
                assert time.monotonic() - begun >= 1, f"it did not wait, seed {seed}"
                silent += 1
                assert silent <= MOST_SILENT, f"{silent} of {calls} calls got no answer, seed {seed}"
                continue
            found = content(answer)
            got += found["entries"]
            last = found["lastId"]
        flow.join()
        assert [entry["id"] for entry in got] == platformos.ids[5:], f"seed {seed}"
        assert cuts > 0, f"seed {seed}"
        wait_for(lambda: open_streams(running) == 0)
        assert "Traceback" not in running.output


@pytest.mark.parametrize("kind", KINDS)
def test_a_filter_moves_the_position_past_what_it_leaves_out(kind: str, server: Start) -> None:
    """Call by call, errors among other entries come once, in order, and `lastId` ends where the log does."""
    with serving(server, kind) as (running, platformos):
        platformos.page = 30
        platformos.add(*({"error_type": "error" if number % 7 == 0 else "info"} for number in range(1, 301)))

        def following(last: str, longest: int) -> dict[str, Any]:
            with live(running, lastId=last, filter="error", limit=9, maxDuration=longest) as call:
                return content(ended(call))

        got, last = [], "0"
        for _ in range(4):  # of 42 errors four times nine end a call by their number
            found = following(last, 30_000)
            assert found["stopped"] == "limit"
            got += found["entries"]
            last = found["lastId"]
        for _ in range(2):  # a machine that stands still may have the first end before it has read all
            found = following(last, 2000)
            assert found["stopped"] == "maxDuration"
            if found["lastId"] == "300":
                break
        assert found["lastId"] == "300"
        assert [entry["id"] for entry in got + found["entries"]] == [str(number) for number in range(7, 301, 7)]
