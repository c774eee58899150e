"""Batches made ready by a second thread while the model trains."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)


class Make(Protocol[Item_co]):
    """A function that makes item number ``index``."""

    def __call__(self, index: int) -> Item_co:
        """Make it."""


@contextmanager
def prefetched(
    make: Make[Item], indices: Sequence[int], ahead: int = 4
) -> Iterator[Iterator[Item]]:
    """Make ``make(i)`` for all ``indices`` in order in another thread, at most ``ahead`` early.

    An exception there is raised here, in its place. Leaving the context ends the thread.
    """
    ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(maxsize=ahead)
    closed = threading.Event()

    def put(item: Item | None, error: BaseException | None) -> None:
        while not closed.is_set():
            try:
                ready.put((item, error), timeout=0.1)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for index in indices:
                if closed.is_set():
                    return
                put(make(index), None)
        except Exception as error:
            put(None, error)

    def items() -> Iterator[Item]:
        for _ in indices:
            item, error = ready.get()
            if error is not None:
                raise error
            yield item  # type: ignore[misc]

    worker = threading.Thread(target=work, daemon=True, name="prefetch")
    worker.start()
    try:
        yield items()
    finally:
        closed.set()
        worker.join()
