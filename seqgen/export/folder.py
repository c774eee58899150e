"""The folder that ``seqgen export`` writes."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime

from seqgen.bundle import Bundle, read_bundle
from seqgen.config import from_dict, to_dict
from seqgen.conformance.batches import select, size, trimmed
from seqgen.errors import UserError
from seqgen.export.graph import Graph, Weights
from seqgen.export.parts import write_start, write_step
from seqgen.export.traced import (
    TEXT,
    VALUE,
    WORDS,
    Reading,
    arguments,
    pictures,
    reading_of,
    trace_labels,
    trace_start,
)
from seqgen.files import checksum, read_json, write_json, write_text, writing_folder
from seqgen.folders import CARD, CONFIG, EXPORT, SCORES, SELFTEST, find_bundle, find_model
from seqgen.generate import load
from seqgen.inspection import TOLERANCE, repeated
from seqgen.label_runtime import LABEL, ClassifierExport, TaggerExport
from seqgen.labelled import ClassifierBundle, TaggerBundle
from seqgen.model.rnn import RNNEncoder
from seqgen.runtime import START, STEP, TENSORS, ExportConfig, read_export
from seqgen.search.sample import Greedy
from seqgen.search.step import run
from seqgen.version import VERSION

Precision = Literal["float32", "float16", "int8"]
_TRIED = 16  # tokens that both write of an example, at most

Exportable = Bundle | ClassifierBundle | TaggerBundle


def export(folder: Path, out: Path, precision: Precision = "float32", example: Any = None) -> str:
    """Write the model in ``folder`` as ONNX graphs into ``out``, which needs no torch to run.

    Args:
        folder: a bundle, or the folder of a training.
        out: made or replaced.
        precision: ``int8``, of the decoder's products, rounds weights and what comes in, 32
            numbers of a row to a scale; ``float16`` is of the weights as they are kept (those
            of an encoder that torch follows stay as they are).
        example: of a model that reads what a program makes, and of no other: a batch as its
            encoder takes it, such as ``check_encoder`` takes, best of different lengths.

    Returns:
        What was written, in a line.

    Raises:
        UserError: ``int8`` or ``float16`` is asked of a model that does not write, ``example``
            is missing, a part of one's own cannot be exported, or what was written does not do
            what the model does.
    """
    bundle = _read(folder, example)
    if precision != "float32" and not isinstance(bundle, Bundle):
        raise UserError(f"{precision} is for models that write", folder, "leave it out")
    if out.is_dir() and any(out.iterdir()) and not _is_ours(out):
        raise UserError("is a folder of something else", out, "name a new one")
    with writing_folder(out) as beside:
        if isinstance(bundle, Bundle):
            write_graphs(beside, bundle, precision, example)
        else:
            trace_labels(beside / LABEL, bundle.model, _reading(bundle.config))
        for name, tokenizer in bundle.tokenizers().items():
            tokenizer.save(beside / name)
        source = find_bundle(folder)
        write_json(beside / SCORES, read_json(source / SCORES))
        _describe(beside, bundle, precision)
        if example is None:
            tests = _replay(beside, read_json(source / SELFTEST), precision)
        else:
            tests = _try(beside, bundle, precision, example)
        write_json(beside / SELFTEST, tests)
        _describe(beside, bundle, precision)
        card = (source / CARD).read_text("utf-8") if (source / CARD).is_file() else ""
        note = f"\nExported to ONNX ({precision}); the scores are the trained model's.\n"
        write_text(beside / CARD, card + note)
        written = sum(file.stat().st_size for file in beside.iterdir())
    return f"{out}: {bundle.config.task}, {precision}, {written / 1e6:.1f} MB"


def _read(folder: Path, example: Any) -> Exportable:
    found = find_model(folder)
    if found.exported:
        raise UserError("is an export", folder, "give the model it was made of")
    if found.task != "describe":
        bundle: Exportable = load(folder).bundles[0]
        return bundle
    if example is None:
        fix = "in Python: seqgen.export.folder.export(FOLDER, OUT, example=a batch)"
        raise UserError("reads inputs that a program makes", folder, fix)
    return read_bundle(folder)


def _is_ours(out: Path) -> bool:
    values = read_json(out / CONFIG) if (out / CONFIG).is_file() else None
    return isinstance(values, dict) and values.get("format") == EXPORT


def write_graphs(folder: Path, bundle: Bundle, precision: Precision, example: Any = None) -> None:
    """Write the graphs and tensors of a model that writes into an existing folder."""
    model = bundle.model
    with open(folder / TENSORS, "wb") as file:
        weights = Weights(TENSORS, file)
        half = precision == "float16"
        step, start = Graph(weights, precision == "int8", half), Graph(weights, half=half)
        write_step(step, model.decoder)
        if type(model.encoder) is RNNEncoder:
            write_start(start, model.encoder, model.decoder)
    step.write(folder / STEP)
    if type(model.encoder) is RNNEncoder:
        start.write(folder / START)
    elif bundle.config.task != "write":
        reading = _reading(bundle.config) if example is None else reading_of(example)
        trace_start(folder / START, model, reading)


def _reading(config: Any) -> Reading:
    """What a model reads."""
    if config.task in ("tag", "tell"):
        return WORDS if config.task == "tag" else VALUE
    return pictures(config.images.size) if config.images else TEXT


def _describe(folder: Path, bundle: Exportable, precision: Precision) -> None:
    """Write ``config.json``, with the checksums of all other files so far."""
    kind = {Bundle: ExportConfig, ClassifierBundle: ClassifierExport, TaggerBundle: TaggerExport}[
        type(bundle)
    ]
    values = {**to_dict(bundle.config), "precision": precision, "format": EXPORT}
    if isinstance(bundle, Bundle):
        values["grid"] = bundle.grid()
    values["versions"] = {
        "seqgen": VERSION, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__,
    }  # fmt: skip
    names = sorted(file.name for file in folder.iterdir() if file.name != CONFIG)
    values["checksums"] = {name: checksum(folder / name) for name in names}
    known = {field.name for field in fields(kind)}
    kept = {name: value for name, value in values.items() if name in known}
    write_json(folder / CONFIG, to_dict(from_dict(kind, kept, folder / CONFIG)))


def _replay(folder: Path, tests: list[dict[str, Any]], precision: Precision) -> list[Any]:
    """The self-test as the exported model does it; in float32, as the trained model did it."""
    found = repeated(load(folder), tests)
    if precision == "float32":
        for test, one in zip(tests, found, strict=True):
            _compare(one, (test["output"], test["log_prob"]))
    return [
        {"input": test["input"], "output": text, "log_prob": log_prob}
        for test, (text, log_prob) in zip(tests, found, strict=True)
    ]


def _try(folder: Path, bundle: Any, precision: Precision, example: Any) -> list[Any]:
    """Let both models write of an example, whole and its first row alone; no self-test is kept."""
    stepper = read_export(folder).stepper()
    for batch in (example, trimmed(select(example, [0]))):
        limits = np.full(size(batch), _TRIED)
        arrays = {name: tensor.numpy() for name, tensor in arguments(batch)}
        ours = run(Greedy().run(stepper, arrays, limits))
        theirs = run(Greedy().run(bundle.stepper(), batch, limits))
        for (one,), (other,) in zip(ours, theirs, strict=True):
            if precision == "float32":
                _compare((str(one.tokens), one.log_prob), (str(other.tokens), other.log_prob))
    return []


def _compare(found: tuple[str, float], expected: tuple[str, float]) -> None:
    if found[0] != expected[0] or abs(found[1] - expected[1]) > TOLERANCE:
        raise UserError(
            f"gives '{found[0]}' ({found[1]:.4f}) where the model gave '{expected[0]}'"
            f" ({expected[1]:.4f})",
            "export",
            "its encoder or attention does what does not survive the export",
        )
