"""From settings to a trained model, in one folder that can be resumed from alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from seqgen.bundle import read_sources
from seqgen.config import from_dict, to_dict
from seqgen.errors import Stopped, UserError
from seqgen.files import LOCK, lock_folder, read_json, settle_folder, unchanged, write_json
from seqgen.generate import (
    load_captioner,
    load_classifier,
    load_tagger,
    load_teller,
    load_translator,
    load_writer,
)
from seqgen.provenance import check_sources
from seqgen.sources import RECORDED, Code, approved
from seqgen.training.beginning import check_beginning, source_files, write_beginning
from seqgen.training.distributed import World
from seqgen.training.plans import (
    CAPTION,
    CLASSIFY,
    TAG,
    TELL,
    TRANSLATE,
    WRITE,
    Plan,
    S,
)
from seqgen.training.report import Report
from seqgen.training.settings import located, with_encoder
from seqgen.training.trainer import Trainer

SETTINGS = "settings.json"

M = TypeVar("M")


def train(plan: Plan[S], settings: S, out: Path, report: Report | None = None) -> None:
    """Train from the files that ``settings`` name.

    Args:
        plan: what kind of model.
        settings: see its class.
        out: a new folder; afterwards it holds ``best/`` and ``last/`` (bundles), ``data/``,
            ``settings.json`` and ``log.jsonl``.
        report: where progress is shown; standard error if not given.

    Raises:
        UserError: bad input, or ``out`` holds a training already.
    """
    world = World()
    with _held(plan, out, world):
        report = report or Report(quiet=world.rank > 0)
        if (out / SETTINGS).exists():
            fix = "go on with --resume, or choose another"
            raise UserError("already holds a training", out, fix)
        world.barrier()  # all have looked before the first one writes
        if world.rank == 0:
            sources, begun = source_files(settings.data), to_dict(located(settings))
            with unchanged(sources):
                plan.prepare(settings, out / "data", report)
                write_beginning(out, begun, sources)
            write_json(out / SETTINGS, begun)
        world.barrier()
        _run(plan, out, report, world)


def resume(plan: Plan[S], out: Path, report: Report | None = None, code: Code = RECORDED) -> None:
    """Go on with a training that was stopped, from its last checkpoint.

    Args:
        plan: as for ``train``.
        out: the folder of the training.
        report: as for ``train``.
        code: where its parts that are not of seqgen come from now.

    Raises:
        UserError: ``out`` holds no training; its data or settings are not what they were; or a
            part is not to be found, or has changed.
    """
    if not (out / SETTINGS).exists():
        raise UserError("holds no training to resume", out, f"it has no {SETTINGS}")
    world = World()
    with _held(plan, out, world):
        if world.rank == 0:
            for name in ("last", "best"):
                settle_folder(out / name)
            check_beginning(out, out / SETTINGS)
        world.barrier()
        report = report or Report(quiet=world.rank > 0)
        _run(plan, out, report, world, code)


@contextmanager
def _held(plan: Plan[S], out: Path, world: World) -> Iterator[None]:
    """Hold ``out`` for this training alone.

    Raises:
        UserError: another training holds it.
        Stopped: by Ctrl-C before training began, or by a second one.
    """
    new = world.rank == 0 and not out.exists()
    with lock_folder(out, "training") if world.rank == 0 else nullcontext():
        try:
            yield
        except KeyboardInterrupt as error:
            if (out / SETTINGS).exists():
                raise Stopped("stopped without saving", out, _go_on(plan, out)) from error
            raise Stopped("stopped while its data was prepared", out, "begin again") from error
        finally:
            if new and os.listdir(out) == [LOCK]:  # what was asked for could not even begin
                shutil.rmtree(out)


def _go_on(plan: Plan[S], out: Path) -> str:
    if not plan.command:
        return "run the program again to go on"
    return f"go on with: seqgen train {plan.command} --out {out} --resume"


def _run(plan: Plan[S], out: Path, report: Report, world: World, code: Code | None = None) -> None:
    """Train, from the last checkpoint if there is one and ``code`` is given."""
    settings = from_dict(plan.settings, read_json(out / SETTINGS), out / SETTINGS)
    resume = code is not None and (out / "last").exists()
    if code is not None:
        settings = _approved(settings, out / "last", code)
    try:
        task = plan.make_task(settings, out / "data", report, world)
    except UserError:
        if code is None and world.rank == 0:  # not begun: the same command, mended, may begin it
            (out / SETTINGS).unlink()
        raise
    report.line(
        f"{sum(p.numel() for p in task.model.parameters()):,} parameters,"
        f" {torch.get_num_threads()} threads"
    )
    trainer = Trainer(task, settings.training, out, report, world, resume)
    progress = trainer.run()
    if trainer.interrupted:
        raise Stopped(f"stopped at update {progress.step}, saved", out, _go_on(plan, out))
    world.barrier()  # the best model is complete
    world.close()


def _approved(settings: S, last: Path, code: Code) -> S:
    """``settings`` with the encoder trained so far, if there is a checkpoint; all parts checked."""
    spec = settings.model.encoder
    if last.exists():
        sources = read_sources(last)
        check_sources(sources, code, last)
        spec = approved("encoder", spec, sources.get("encoder"), code, last)
    elif code.encoder is not None:
        spec = code.encoder
    found: S = with_encoder(settings, spec)
    return found


@dataclass(frozen=True)
class _Training(Generic[S, M]):
    """How models of one kind are trained, and loaded then."""

    plan: Plan[S]
    load: Callable[..., M]

    def train(
        self,
        settings: S,
        out: str | Path,
        report: Report | None = None,
        encoder: Any = None,
        encoder_options: dict[str, Any] | None = None,
    ) -> M:
        """``train`` a model, and return the best one; arguments as ``with_encoder`` has them."""
        chosen: S = with_encoder(settings, encoder, encoder_options)
        train(self.plan, chosen, Path(out), report)
        return self.load(out)

    def resume(self, out: str | Path, report: Report | None = None, code: Code = RECORDED) -> M:
        """``resume`` the training of a model, and return the best one."""
        resume(self.plan, Path(out), report, code)
        return self.load(out, code=code)


_TRANSLATOR = _Training(TRANSLATE, load_translator)
train_translator, resume_translator = _TRANSLATOR.train, _TRANSLATOR.resume

_CAPTIONER = _Training(CAPTION, load_captioner)
train_captioner, resume_captioner = _CAPTIONER.train, _CAPTIONER.resume

_WRITER = _Training(WRITE, load_writer)
train_writer, resume_writer = _WRITER.train, _WRITER.resume

_TELLER = _Training(TELL, load_teller)
train_teller, resume_teller = _TELLER.train, _TELLER.resume

_TAGGER = _Training(TAG, load_tagger)
train_tagger, resume_tagger = _TAGGER.train, _TAGGER.resume

_CLASSIFIER = _Training(CLASSIFY, load_classifier)
train_classifier, resume_classifier = _CLASSIFIER.train, _CLASSIFIER.resume
