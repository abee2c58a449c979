"""CPU time and memory of a server's processes, as the kernel counts them."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

TICK_HZ = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Sample:
    """A tree of processes at one moment; CPU time counts from their start."""

    user: float  # CPU seconds
    system: float  # CPU seconds
    pss: int  # KiB; memory that is shared counts in parts
    processes: int

    @property
    def cpu(self) -> float:
        """CPU seconds, user and system."""
        return self.user + self.system


def tree(root: int) -> list[int]:
    """The pids of `root` and of all that descend from it."""
    children: dict[int, list[int]] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                children.setdefault(int(_stat(int(folder.name))[1]), []).append(int(folder.name))
            except OSError:
                pass  # it has ended
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def sample(root: int) -> Sample:
    """The tree of `root` now.

    The sum of both CPU times is exact to the nanosecond where the kernel has schedstat (ticks only split it), else to
    a tick. What ends between two samples is lost to the second one.
    """
    user = system = 0.0
    pss = processes = 0
    for pid in tree(root):
        try:
            times = _times(pid)
            user, system = user + times[0], system + times[1]
            processes += 1
            pss += _pss(pid)
        except OSError:
            pass  # it has ended
    return Sample(user, system, pss, processes)


def busy() -> tuple[float, float]:
    """CPU seconds of the whole machine since its start, and how many of them are soft interrupts.

    Some kernels charge the receiving half of a send over loopback to no process.
    """
    with (PROC / "stat").open() as file:
        user, nice, system, _idle, _wait, irq, softirq = (int(part) / TICK_HZ for part in file.readline().split()[1:8])
    return user + nice + system + irq + softirq, softirq


def slab() -> int:
    """KiB that the kernel itself holds: sockets of both ends among it."""
    with (PROC / "meminfo").open() as file:
        return next((int(line.split()[1]) for line in file if line.startswith("Slab:")), 0)


def raise_descriptors() -> int:
    """Let this process and all that it starts have as many descriptors as the system allows; how many that is."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most if most != resource.RLIM_INFINITY else 1 << 30


def _stat(pid: int) -> list[str]:
    # A name may hold blanks and parentheses: what follows the last one is regular, and begins with the state.
    return (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()


def _times(pid: int) -> tuple[float, float]:
    stat = _stat(pid)
    user, system = int(stat[11]) / TICK_HZ, int(stat[12]) / TICK_HZ
    exact = _exact(pid)
    if exact > user + system - 0.02:  # threads that have ended are in the ticks alone
        share = system / (user + system) if user + system else 0.5
        return exact * (1 - share), exact * share
    return user, system


def _exact(pid: int) -> float:
    nanoseconds = 0
    try:
        for task in (PROC / str(pid) / "task").iterdir():
            nanoseconds += int((task / "schedstat").read_text().split()[0])
    except OSError:
        pass  # a kernel without it, or a thread that has just ended: the ticks decide
    return nanoseconds / 1e9


def _pss(pid: int) -> int:
    with (PROC / str(pid) / "smaps_rollup").open() as file:
        return next((int(line.split()[1]) for line in file if line.startswith("Pss:")), 0)
