"""What a training tells: a live line on a terminal, plain lines elsewhere, a log to plot."""

from __future__ import annotations

import json
import math
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from seqgen.errors import Unwritable, UserError
from seqgen.files import read_lines, write_text


class Report:
    """Shows the progress of a training and appends it to ``log.jsonl``.

    Args:
        stream: where lines go; a bar is shown if it is a terminal.
        quiet: log only.
        every: seconds between two lines about the loss.
    """

    def __init__(
        self, stream: TextIO | None = None, quiet: bool = False, every: float = 10.0
    ) -> None:
        self.every, self.unit = every, "tokens"  # of what is learned from
        self.console = Console(file=stream or sys.stderr, quiet=quiet, highlight=False)
        self.bar: Progress | None = None
        self.log: TextIO | None = None
        self.peak = math.inf
        self.writer: Any = None
        self._reset()

    def _reset(self, step: int = 0) -> None:
        self.since, self.nats, self.count, self.last = time.monotonic(), 0.0, 0, step
        self.flops = 0.0

    def begin(self, log: Path, step: int, tensorboard: bool, peak: float) -> None:
        """Open the log; lines after update ``step``, from a run that was cut off, go.

        ``peak`` is what this machine reaches on products alone, in GFLOP/s.
        """
        self.peak = peak
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise UserError(
                    "TensorBoard is not installed", fix="pip install 'seqgen[tensorboard]'"
                ) from error
            self.writer = SummaryWriter(str(log.parent / "tensorboard"), purge_step=step)
        kept = []
        if step and log.exists():
            kept = [line for line in read_lines(log) if _step(line) <= step]
        write_text(log, "".join(f"{line}\n" for line in kept))
        self.log = open(log, "a", encoding="utf-8")  # noqa: SIM115
        if self.console.is_terminal:
            columns = (BarColumn(), TextColumn("{task.description}"))
            self.bar = Progress(*columns, console=self.console, transient=True)
            self.bar.add_task("starting")
            self.bar.start()
        self._reset(step)

    def line(self, text: str) -> None:
        """Print ``text``."""
        self.console.print(text, markup=False, soft_wrap=True)

    def update(
        self,
        step: int,
        total: int,
        epoch: int,
        nats: float,
        count: int,
        flops: float,
        rate: float,
        norm: float,
    ) -> None:
        """Take in one update; every few seconds say how it goes."""
        self.nats += nats
        self.count += count
        self.flops += flops
        passed = time.monotonic() - self.since
        if passed < (1.0 if self.bar else self.every) and step < total:
            return
        speed, loss = self.count / passed, self.nats / self.count
        share = self.flops / passed / 1e9 / self.peak
        values = {"loss": loss, "rate": rate, "norm": norm, "peak_share": share}
        self._write(step, **values, **{f"{self.unit}_per_second": speed})
        left = _clock((total - step) * passed / max(1, step - self.last))
        text = (
            f"epoch {epoch + 1}  update {step}/{total}  loss {loss:.3f}  {speed:,.0f} {self.unit}/s"
            f" ({share:.0%} of peak)  {left} left"
        )
        if self.bar is None:
            self.line(text)
        else:
            self.bar.update(self.bar.task_ids[0], total=total, completed=step, description=text)
        self._reset(step)

    def validation(self, step: int, epoch: int, minutes: float, result: Any, better: bool) -> None:
        """Show a validation: its value, and one output to look at."""
        self._write(step, epoch=epoch, minutes=round(minutes, 2), **{result.name: result.value})
        mark = "  best so far" if better else ""
        self.line(
            f"epoch {epoch}  {minutes:.1f} min  validation {result.name} {result.value:.2f}{mark}"
        )
        self.line(f"  {result.sample}")
        self._reset(step)

    def _write(self, step: int, **values: float) -> None:
        if self.log is not None:
            try:
                self.log.write(json.dumps({"step": step, **values}) + "\n")
                self.log.flush()
            except OSError as error:  # a full disk; what is lost can be read above
                self.line(f"{Unwritable(self.log.name, error)}; it is not written any more")
                self._close_log()
        if self.writer is not None:
            for name, value in values.items():
                self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Take the bar away and close the log."""
        if self.bar is not None:
            self.bar.stop()
        if self.writer is not None:
            self.writer.close()
        self._close_log()
        self.bar = self.writer = None

    def _close_log(self) -> None:
        if self.log is not None:
            with suppress(OSError):  # of what could not be written before
                self.log.close()
        self.log = None


def _step(line: str) -> float:
    """The update a line of the log is about; infinite for one that a kill cut off."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
