"""The folder that ``seqgen export`` writes."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import onnx
import onnxruntime

from seqgen.bundle import Bundle
from seqgen.config import from_dict, to_dict
from seqgen.errors import UserError
from seqgen.export.graph import Graph, Weights
from seqgen.export.parts import write_start, write_step
from seqgen.export.traced import TEXT, VALUE, WORDS, Reading, pictures, trace_labels, trace_start
from seqgen.files import checksum, read_json, write_json, write_text, writing_folder
from seqgen.folders import CARD, CONFIG, EXPORT, SCORES, SELFTEST, find_bundle, find_model
from seqgen.generate import load
from seqgen.inspection import TOLERANCE, repeated
from seqgen.label_runtime import LABEL, ClassifierExport, TaggerExport
from seqgen.labelled import ClassifierBundle, TaggerBundle
from seqgen.model.rnn import RNNEncoder
from seqgen.runtime import START, STEP, TENSORS, ExportConfig
from seqgen.version import VERSION

Precision = Literal["float32", "int8"]
Exportable = Bundle | ClassifierBundle | TaggerBundle


def export(folder: Path, out: Path, precision: Precision = "float32") -> str:
    """Write the model in ``folder`` as ONNX graphs into ``out``, which needs no torch to run.

    Args:
        folder: a bundle, or the folder of a training.
        out: made or replaced.
        precision: of the decoder's products; ``int8`` rounds weights and what comes in, 32
            numbers of a row to a scale.

    Returns:
        What was written, in a line.

    Raises:
        UserError: ``int8`` is asked of a model that does not write, a part of one's own cannot
            be exported, or what was written does not do what the model does.
    """
    if find_model(folder).exported:
        raise UserError("is an export", folder, "give the model it was made of")
    bundle: Exportable = load(folder).bundles[0]
    if precision == "int8" and not isinstance(bundle, Bundle):
        raise UserError("int8 is for models that write", folder, "leave it out")
    if out.is_dir() and any(out.iterdir()) and not _is_ours(out):
        raise UserError("is a folder of something else", out, "name a new one")
    with writing_folder(out) as beside:
        if isinstance(bundle, Bundle):
            write_graphs(beside, bundle, precision)
        else:
            trace_labels(beside / LABEL, bundle.model, _reading(bundle.config))
        for name, tokenizer in bundle.tokenizers().items():
            tokenizer.save(beside / name)
        source = find_bundle(folder)
        write_json(beside / SCORES, read_json(source / SCORES))
        _describe(beside, bundle, precision)
        tests = _replay(beside, read_json(source / SELFTEST), precision)
        write_json(beside / SELFTEST, tests)
        _describe(beside, bundle, precision)
        card = (source / CARD).read_text("utf-8") if (source / CARD).is_file() else ""
        note = f"\nExported to ONNX ({precision}); the scores are the trained model's.\n"
        write_text(beside / CARD, card + note)
        size = sum(file.stat().st_size for file in beside.iterdir())
    return f"{out}: {bundle.config.task}, {precision}, {size / 1e6:.1f} MB"


def _is_ours(out: Path) -> bool:
    values = read_json(out / CONFIG) if (out / CONFIG).is_file() else None
    return isinstance(values, dict) and values.get("format") == EXPORT


def write_graphs(folder: Path, bundle: Bundle, precision: Precision) -> None:
    """Write the graphs and tensors of a model that writes into an existing folder."""
    model = bundle.model
    with open(folder / TENSORS, "wb") as file:
        weights = Weights(TENSORS, file)
        step, start = Graph(weights, precision == "int8"), Graph(weights)
        write_step(step, model.decoder)
        if type(model.encoder) is RNNEncoder:
            write_start(start, model.encoder, model.decoder)
    step.write(folder / STEP)
    if type(model.encoder) is RNNEncoder:
        start.write(folder / START)
    elif bundle.config.task != "write":
        trace_start(folder / START, model, _reading(bundle.config))


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
    for test, (text, log_prob) in zip(tests, found, strict=True):
        same = text == test["output"] and abs(log_prob - test["log_prob"]) <= TOLERANCE
        if precision == "float32" and not same:
            raise UserError(
                f"gives '{text}' ({log_prob:.4f}) where the model gave '{test['output']}'"
                f" ({test['log_prob']:.4f})",
                "export",
                "its encoder does what does not survive the export",
            )
    return [
        {"input": test["input"], "output": text, "log_prob": log_prob}
        for test, (text, log_prob) in zip(tests, found, strict=True)
    ]
