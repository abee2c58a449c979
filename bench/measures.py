"""The kinds of run: each takes a scene in which a warm server listens, and gives its figures."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.errors import RunFailed
from bench.fleet import apart, commands
from bench.flow import READY_SECONDS, Figures, drained, polls_per_interval, streams
from bench.flow import rows as flow
from bench.machine import busy, slab
from bench.redis import RedisFigures
from bench.scene import Scene

PEAK_LOOK_SECONDS = 0.2


def fanout(scene: Scene) -> Figures:
    """Each stream gets each row: CPU a frame, latencies, losses, memory a stream."""
    case = scene.case
    with scene.readers(case.streams, case.seconds + READY_SECONDS + 80, at_once=case.at_once) as readers:
        readers.ready(READY_SECONDS)
        time.sleep(case.settle)
        scene.standin.reset()
        readers.mark()
        redis_before = scene.redis.figures() if scene.redis else None
        before, machine_before, began = scene.sample(), busy(), time.monotonic()
        total = flow(scene)
        ended, after_rows = time.monotonic(), scene.sample()
        redis_after = scene.redis.figures() if scene.redis else None
        told = drained(readers, total)
        after, machine_after, polls = scene.sample(), busy(), scene.standin.stats()["requests"]
        elapsed = time.monotonic() - began
    rows = told["rows"]
    if scene.peer.gzip:  # only some streams are inflated; all get the same bytes
        rows = rows * told["open"] // max(1, min(scene.peer.gzip, told["open"]))
    cpu, frames = after.cpu - before.cpu, max(1, rows)
    span = max(told["last_row_after_mark_s"], case.seconds)
    return {
        **streams(told),
        "rows": total,
        "delivered": rows,
        "complete": round(rows / max(1, total * told["open"]), 4),
        "gaps": told["gaps"],
        "repeats": told["repeats"],
        "frames_per_s": round(rows / span),
        "whole_p50_ms": told["lat_ms"]["p50"],
        "whole_p99_ms": told["lat_ms"]["p99"],
        "page_p50_ms": told["lat_from_page_ms"]["p50"],
        "page_p99_ms": told["lat_from_page_ms"]["p99"],
        "cpu_s": round(cpu, 3),
        "cpu_user_s": round(after.user - before.user, 3),
        "cpu_system_s": round(after.system - before.system, 3),
        "cpu_s_per_mframe": round(cpu * 1e6 / frames, 4),
        "machine_s_per_mframe": round((machine_after[0] - machine_before[0]) * 1e6 / frames, 4),
        "softirq_s": round(machine_after[1] - machine_before[1], 3),
        "server_busy": round((after_rows.cpu - before.cpu) / (ended - began), 3),
        "readers_cpu_s": told["client_cpu_s"],
        "mb_per_s": round(told["bytes"] / 1e6 / span, 1),
        "bytes_per_frame": round(told["bytes"] / frames, 1),
        **({"polls_per_interval": polls_per_interval(case, polls, elapsed)} if scene.peer.polls else {}),
        **(_of_redis(redis_before, redis_after, ended - began) if redis_before and redis_after else {}),
        "pss_kib_per_stream": round((before.pss - scene.base.pss) / max(1, told["open"]), 2),
        "pss_kib": after.pss,
        "error_frames": told["event_error"],
    }


def idle(scene: Scene) -> Figures:
    """No rows: memory a stream, and CPU in a first window and in one that holds a heartbeat of each stream."""
    case = scene.case
    seconds = case.seconds + case.round + READY_SECONDS + 60
    with scene.readers(case.streams, seconds, at_once=case.at_once) as readers:
        ready = readers.ready(READY_SECONDS)
        time.sleep(case.settle)
        kernel = slab() - scene.base_slab
        scene.standin.reset()
        readers.mark()
        start, began = scene.sample(), time.monotonic()
        time.sleep(case.seconds)
        first, then = scene.sample(), time.monotonic()
        polls = scene.standin.stats()["requests"]
        heartbeats = readers.report()["heartbeats"]
        time.sleep(case.round)
        last, ended = scene.sample(), time.monotonic()
        told = readers.report()
    open_ = max(1, told["open"])
    return {
        **streams(told),
        "open_share": round(told["open"] / case.streams, 4),
        "pss_kib_per_stream": round((first.pss - scene.base.pss) / open_, 2),
        "pss_base_kib": scene.base.pss,
        "pss_kib": first.pss,
        "slab_kib_per_stream": round(kernel / open_, 2),
        "cpu_first": round((first.cpu - start.cpu) / (then - began), 5),
        "cpu_round": round((last.cpu - first.cpu) / max(0.001, ended - then), 5),
        "heartbeats_first": heartbeats,
        "heartbeats_round": told["heartbeats"] - heartbeats,
        "polls_per_s": round(polls / (then - began), 2),
        "cpu_ms_per_poll": round((first.cpu - start.cpu) * 1000 / max(1, polls), 3),
        "all_ready_s": ready["all_ready_s"],
        "cpu_ms_each": round((start.cpu - scene.base.cpu) * 1000 / case.streams, 3),
    }


def backlog(scene: Scene) -> Figures:
    """Many rows are there before the stream is opened: rows a second, and the most memory that was seen."""
    case = scene.case
    if not scene.peer.polls:
        raise RunFailed("A server that does not poll has no backlog.")
    want, peak, before = case.rows * case.streams, 0, scene.sample()
    scene.standin.reset()
    scene.standin.backlog(case.rows, case.page)  # last: a server may still poll since the warm-up
    began = time.monotonic()
    with scene.readers(case.streams, case.seconds + 30, at_once=case.at_once, kth=case.rows) as readers:
        while True:
            time.sleep(PEAK_LOOK_SECONDS)
            told, now = readers.report(), scene.sample()
            peak = max(peak, now.pss)
            elapsed = time.monotonic() - began
            if told["rows"] >= want or elapsed > case.seconds:
                break
    polls = scene.standin.stats()["requests"]
    span = told["kth_all_s"] if told["kth_all_s"] > 0 else elapsed
    return {
        **streams(told),
        "rows": told["rows"],
        "complete": round(told["rows"] / want, 4),
        "gaps": told["gaps"],
        "repeats": told["repeats"],
        "seconds": round(span, 3),
        "rows_per_s": round(told["rows"] / max(span, 0.001)),
        "cpu_s_per_mrow": round((now.cpu - before.cpu) * 1e6 / max(1, told["rows"]), 3),
        "polls": polls,
        "peak_mb": round(peak * 1024 / 1e6, 1),
        "pss_base_kib": scene.base.pss,
    }


def connect(scene: Scene) -> Figures:
    """Opens streams, a number of them at a time, and measures how long that takes and what each costs."""
    case = scene.case
    with scene.readers(case.streams, case.seconds + 20, at_once=case.at_once) as readers:
        told = readers.ready(case.seconds)
        cpu = scene.sample().cpu - scene.base.cpu
    return {
        **streams(told),
        "first_byte_p50_ms": told["ttfb_ms"]["p50"],
        "first_byte_p99_ms": told["ttfb_ms"]["p99"],
        "first_byte_max_ms": told["ttfb_ms"]["max"],
        "all_ready_s": told["all_ready_s"],
        "streams_per_s": round(told["open"] / max(0.001, told["all_ready_s"]), 1),
        "cpu_ms_each": round(cpu * 1000 / case.streams, 3),
    }


MEASURES: dict[str, Callable[[Scene], Figures]] = {
    "fanout": fanout,
    "idle": idle,
    "backlog": backlog,
    "connect": connect,
    "apart": apart,
    "commands": commands,
}


def _of_redis(before: RedisFigures, after: RedisFigures, seconds: float) -> Figures:
    return {
        "redis_busy": round((after.cpu - before.cpu) / seconds, 4),
        "redis_commands_per_s": round((after.commands - before.commands) / seconds),
        "redis_mb_in_per_s": round((after.received - before.received) / seconds / 1e6, 3),
        "redis_mb_out_per_s": round((after.sent - before.sent) / seconds / 1e6, 3),
        "redis_memory_mb": round(after.memory / 1e6, 1),
        "redis_scripts_per_s": round((after.scripts.count - before.scripts.count) / seconds),
        "redis_us_per_script": round(after.scripts.each(before.scripts), 1),
        "redis_reads_per_s": round((after.reads.count - before.reads.count) / seconds),
        "redis_us_per_read": round(after.reads.each(before.reads), 1),
    }
