"""One file's lines worked on by several processes, and given back in order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice

from seqgen.errors import UserError

Work = Callable[
    [list[str], int], Iterable[str]
]  # of lines, and the number of the first: what to write

_made: list[Work] = []  # in a process that works: what it does


def set_threads(threads: int) -> None:
    """Let each product of this process, and of those it starts, use so many threads."""
    os.environ["OMP_NUM_THREADS"] = str(threads)  # read once, by what is imported later
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def shared(
    make: Callable[[], Work], lines: Iterable[str], processes: int, window: int
) -> Iterator[str]:
    """What ``make()(window of lines, number of its first)`` gives for all lines, in order.

    Memory does not grow with the lines: at most one window more than there are processes waits.

    Args:
        make: called once in each process, which starts from nothing, so it must be picklable.
        lines: any number.
        processes: that work; this one only reads and writes.
        window: lines that a process gets at a time; fewer where there are too few for all.

    Raises:
        UserError: as ``make`` and its work do; or a process was killed.
    """
    waiting: deque[Future[list[str]]] = deque()
    rest, first = iter(lines), 0
    begun = list(islice(rest, processes * window))
    window = min(window, -(-len(begun) // processes))
    rest = chain(begun, rest)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, _leave_stopping_to_the_parent)
    try:
        while part := list(islice(rest, window)):
            waiting.append(pool.submit(_do, make, part, first))
            first += len(part)
            if len(waiting) > processes:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    except BrokenProcessPool as error:
        fix = "if memory ran out, try fewer --processes or a smaller --batch-size"
        raise UserError("a process ended before its work was done", fix=fix) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_stopping_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _do(make: Callable[[], Work], lines: list[str], first: int) -> list[str]:
    if not _made:
        _made.append(make())
    return list(_made[0](lines, first))
