"""What may go wrong while a model trains: Ctrl-C, too little memory, numbers that are none."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

from seqgen.errors import NotFinite, memory_for

_ECHO = 1.0  # seconds; torchrun hands on a Ctrl-C that the terminal has sent to everyone already


@contextmanager
def interruptible(stop: Callable[[], None]) -> Iterator[None]:
    """Let a first Ctrl-C or TERM call ``stop``; a second one is a ``KeyboardInterrupt``.

    In a thread that is not the main one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    first = 0.0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if first and time.monotonic() - first > _ECHO:
            raise KeyboardInterrupt
        first = first or time.monotonic()
        stop()

    before = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def update_memory(batch_tokens: int, accumulate: int) -> AbstractContextManager[None]:
    """``memory_for`` a batch; what is to be tried leaves an update's tokens as they are."""
    half, more = max(1, batch_tokens // 2), 2 * accumulate
    fix = f"begin anew with batch_tokens = {half} and accumulate = {more}"
    return memory_for(f"batches of {batch_tokens} tokens", fix)


def diverged(what: str, step: int) -> NotFinite:
    """The complaint that ``what`` is no number any more."""
    return NotFinite(
        f"the {what} became NaN or infinite at update {step}",
        fix="the last good checkpoint is kept; try a lower learning_rate, a longer warmup"
        " or precision = 'float32'",
    )
