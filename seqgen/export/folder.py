"""The folder that ``seqgen export`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import onnx
import onnxruntime

from seqgen.bundle import Bundle
from seqgen.captioner import Captioner
from seqgen.config import from_dict, to_dict
from seqgen.errors import UserError
from seqgen.export.graph import Graph, Weights
from seqgen.export.parts import write_start, write_step
from seqgen.export.traced import trace_start
from seqgen.files import checksum, read_json, write_json, write_text, writing_folder
from seqgen.folders import CARD, CONFIG, EXPORT, SCORES, SELFTEST, find_bundle
from seqgen.generate import load
from seqgen.inspection import TOLERANCE, outputs, probe_picture
from seqgen.model.rnn import RNNEncoder
from seqgen.runtime import START, STEP, TENSORS, ExportConfig
from seqgen.version import VERSION

Precision = Literal["float32", "int8"]


def export(folder: Path, out: Path, precision: Precision = "float32") -> str:
    """Write the model in ``folder`` as ONNX graphs into ``out``, which needs no torch to run.

    Args:
        folder: a bundle of a model that writes, or the folder of its training.
        out: made or replaced.
        precision: of the decoder's products; ``int8`` rounds weights and what comes in, 32
            numbers of a row to a scale.

    Returns:
        What was written, in a line.

    Raises:
        UserError: the model does not write, a part of one's own cannot be exported, or what
            was written does not do what the model does.
    """
    bundle = load(folder).bundles[0]
    if not isinstance(bundle, Bundle):
        raise UserError(f"a model that can {bundle.config.task} is not exported yet", folder)
    if out.is_dir() and any(out.iterdir()) and not _is_ours(out):
        raise UserError("is a folder of something else", out, "name a new one")
    with writing_folder(out) as beside:
        write_graphs(beside, bundle, precision)
        source = find_bundle(folder)
        write_json(beside / SCORES, read_json(source / SCORES))
        card = (source / CARD).read_text("utf-8") if (source / CARD).is_file() else ""
        note = f"\nExported to ONNX ({precision}); the scores are the trained model's.\n"
        write_text(beside / CARD, card + note)
        _describe(beside, bundle, precision, [])
        tests = _replay(beside, read_json(source / SELFTEST), precision)
        write_json(beside / SELFTEST, tests)
        _describe(beside, bundle, precision, [SCORES, SELFTEST])
        size = sum(file.stat().st_size for file in beside.iterdir())
    return f"{out}: {bundle.config.task}, {precision}, {size / 1e6:.1f} MB"


def _is_ours(out: Path) -> bool:
    values = read_json(out / CONFIG) if (out / CONFIG).is_file() else None
    return isinstance(values, dict) and values.get("format") == EXPORT


def write_graphs(folder: Path, bundle: Bundle, precision: Precision) -> None:
    """Write graphs, tensors and tokenizers of ``bundle`` into an existing folder."""
    model, config = bundle.model, bundle.config
    with open(folder / TENSORS, "wb") as file:
        weights = Weights(TENSORS, file)
        step, start = Graph(weights, precision == "int8"), Graph(weights)
        write_step(step, model.decoder)
        if type(model.encoder) is RNNEncoder:
            write_start(start, model.encoder, model.decoder)
    step.write(folder / STEP)
    if type(model.encoder) is RNNEncoder:
        start.write(folder / START)
    elif config.task != "write":
        trace_start(folder / START, model, config.task, config.images.size if config.images else 0)
    for name, tokenizer in bundle.tokenizers().items():
        tokenizer.save(folder / name)


def _describe(folder: Path, bundle: Bundle, precision: Precision, more: list[str]) -> None:
    """Write ``config.json``, with the checksums of all other files that count."""
    given = to_dict(bundle.config)
    kept = ("task", "search", "target", "source", "images", "values", "joint")
    values: dict[str, Any] = {name: given[name] for name in kept if name in given}
    values |= {"precision": precision, "format": EXPORT}
    values["versions"] = {
        "seqgen": VERSION, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__,
    }  # fmt: skip
    names = [*bundle.tokenizers(), TENSORS, STEP, START, *more]
    present = sorted({name for name in names if (folder / name).is_file()})
    values["checksums"] = {name: checksum(folder / name) for name in present}
    write_json(folder / CONFIG, to_dict(from_dict(ExportConfig, values, folder / CONFIG)))


def _replay(folder: Path, tests: list[dict[str, Any]], precision: Precision) -> list[Any]:
    """The self-test as the exported model does it; in float32, as the trained model did it."""
    model = load(folder)
    inputs = [test["input"] for test in tests]
    shown = [probe_picture(n) for n in inputs] if isinstance(model, Captioner) else inputs
    found = outputs(model, shown)
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
        {"input": given, "output": text, "log_prob": log_prob}
        for given, (text, log_prob) in zip(inputs, found, strict=True)
    ]
