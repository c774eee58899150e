"""What a bundle says of itself, and whether it still holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from seqgen.config import from_dict, to_dict
from seqgen.errors import UserError
from seqgen.files import read_json
from seqgen.folders import SCORES, SELFTEST, find_bundle
from seqgen.generate import load
from seqgen.label_runtime import ExportedClassifier, ExportedTagger
from seqgen.runtime import Exported
from seqgen.scoring.metrics import Metric
from seqgen.sources import RECORDED, Code

if TYPE_CHECKING:  # what torch runs; an export is told of without it
    from seqgen.bundle import Bundle
    from seqgen.labelled import ClassifierBundle, TaggerBundle

AnyExport = Exported | ExportedClassifier | ExportedTagger

TOLERANCE = 1e-3  # nats of a whole output, between machines
SHOWN = 8  # labels


def describe(folder: Path, code: Code = RECORDED) -> str:
    """The bundle in a few lines: task, sizes, settings, measured scores.

    ``code`` says where parts that are not of seqgen come from, if not from where they were.
    """
    folder = find_bundle(folder)
    bundle: Bundle | ClassifierBundle | TaggerBundle | AnyExport = _load(folder, code).bundles[0]
    if isinstance(bundle, (Exported, ExportedClassifier, ExportedTagger)):
        return _exported(folder, bundle)
    config = bundle.config
    count = sum(parameter.numel() for parameter in bundle.model.parameters())
    lines = [
        f"{folder}: {config.task}, {count:,} parameters",
        f"encoder {config.model.encoder or 'none'} {config.model.encoder_options or ''}".rstrip(),
        *_parts(bundle),
        f"made with {', '.join(f'{k} {v}' for k, v in config.versions.items())}",
    ]
    for kind, source in config.sources.items():
        package = f", {source.package} {source.version}" if source.package else ""
        lines.append(f"source of its {kind}: SHA-256 {source.sha256 or 'unknown'}{package}")
    for values in _entries(folder / SCORES):
        score = from_dict(Metric, values, folder / SCORES)
        lines.append(f"{score.name} {score.value:.2f}  {score.signature}")
    return "\n".join(lines)


def _exported(folder: Path, bundle: AnyExport) -> str:
    """What is left to say of a model in ONNX graphs."""
    size = sum(file.stat().st_size for file in folder.iterdir())
    made = ", ".join(f"{k} {v}" for k, v in bundle.config.versions.items())
    if isinstance(bundle, Exported):
        precision, gives = bundle.config.precision, f"{bundle.target.size:,} target tokens"
    else:
        kind = "labels" if isinstance(bundle, ExportedClassifier) else "tags"
        precision, gives = "float32", _shown(bundle.config.labels, kind)
    return (
        f"{folder}: {bundle.config.task}, exported as {precision}, {size:,} bytes\n"
        f"{gives}\nmade with {made}"
    )


def _parts(bundle: Bundle | ClassifierBundle | TaggerBundle) -> list[str]:
    """What follows the encoder, and what is read and written."""
    say: dict[str, Callable[[Any], list[str]]] = {"classify": _labels, "tag": _tags}
    return say.get(bundle.config.task, _decodes)(bundle)


def _decodes(bundle: Bundle) -> list[str]:
    """What a decoder is made of, and what is read and written."""
    config, decoder = bundle.config, bundle.config.model.decoder
    reads = f"{bundle.source.size:,} source and " if bundle.source else ""
    reads = f"{len(config.values):,} values and " if config.values else reads
    return [
        f"decoder {decoder.layers} x {decoder.cell} {decoder.hidden_dim},"
        f" attention {decoder.attention}",
        f"text {config.target.kind}, {reads}{bundle.target.size:,} target tokens",
    ]


def _labels(bundle: ClassifierBundle) -> list[str]:
    """What a head is made of, what is read, and which labels there are."""
    config, labels = bundle.config, bundle.config.labels
    reads = "images"
    if bundle.source and config.source:
        reads = f"text {config.source.kind}, {bundle.source.size:,} source tokens"
    return [f"head {to_dict(config.model.head)}", f"{reads}, {_shown(labels, 'labels')}"]


def _tags(bundle: TaggerBundle) -> list[str]:
    """What is known of words, and which tags there are."""
    known = f"{bundle.lexicon.words.size:,} words, {bundle.lexicon.characters.size:,} characters"
    return [f"{known}, {_shown(bundle.config.labels, 'tags')} ({bundle.config.column})"]


def _shown(labels: tuple[str, ...], name: str) -> str:
    """How many there are, and the first of them."""
    shown = ", ".join(labels[:SHOWN]) + (", …" if len(labels) > SHOWN else "")
    return f"{len(labels):,} {name}: {shown}"


def _load(folder: Path, code: Code) -> Any:
    return load(folder, **vars(code))


def _entries(path: Path) -> list[Any]:
    """The entries of a JSON file that is a list."""
    values = read_json(path)
    if not isinstance(values, list):
        raise UserError("is no list", path, "copy the model again")
    return values


def read_selftest(folder: Path) -> list[dict[str, Any]]:
    """The inputs, outputs and log-probabilities that the bundle in ``folder`` is to repeat.

    Raises:
        UserError: they are damaged.
    """
    tests = _entries(folder / SELFTEST)
    for number, test in enumerate(tests, start=1):
        whole = isinstance(test, dict) and isinstance(test.get("log_prob"), float)
        if not whole or not isinstance(test.get("input"), (str, int, list)) or "output" not in test:
            where = f"{folder / SELFTEST}, entry {number}"
            raise UserError("has no input, output and log_prob", where, "copy the model again")
    return tests


def replay(folder: Path, code: Code = RECORDED) -> str:
    """Do the bundle's self-test again and compare; ``code`` as for ``describe``.

    Raises:
        UserError: an output or its log-probability is not what it was.
    """
    folder = find_bundle(folder)
    tests = read_selftest(folder)
    model = _load(folder, code)
    found_all = zip(tests, repeated(model, tests), strict=True)
    for number, (test, found) in enumerate(found_all, start=1):
        if found[0] != test["output"] or abs(found[1] - test["log_prob"]) > TOLERANCE:
            raise UserError(
                f"gives '{found[0]}' ({found[1]:.4f}) where it gave '{test['output']}'"
                f" ({test['log_prob']:.4f})",
                f"{folder / SELFTEST}, entry {number}",
                "the model or the library has changed",
            )
    return f"self-test: {len(tests)} of {len(tests)} outputs as they were"


def repeated(model: Any, tests: list[dict[str, Any]]) -> list[tuple[str, float]]:
    """The ``outputs`` of a model for the inputs of its self-test."""
    inputs = [test["input"] for test in tests]
    if getattr(model, "images", None) is not None:
        inputs = [probe_picture(number) for number in inputs]
    return outputs(model, inputs)


def outputs(model: Any, inputs: list[Any]) -> list[tuple[str, float]]:
    """The best output of a model of any task for each input, and its log-probability."""
    task = model.bundles[0].config.task
    if task == "classify":
        return [(found.label, found.log_prob) for found in model.predictions(inputs)]
    if task == "tag":
        return [(" ".join(found.tags), found.log_prob) for found in model.predictions(inputs)]
    return [(best[0].text, best[0].hypothesis.log_prob) for best in model.hypotheses(inputs)]


def probe_picture(number: int) -> Image.Image:
    """A picture that is the same everywhere, for the self-test of a captioner: 64 x 64 waves."""
    down, across = np.mgrid[:64, :64]
    waves = [(down * (number + 1 + i) + across * (3 - i)) * 4 % 256 for i in range(3)]
    return Image.fromarray(np.stack(waves, -1).astype(np.uint8))
