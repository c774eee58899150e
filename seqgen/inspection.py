"""What a bundle says of itself, and whether it still holds."""

from __future__ import annotations

from pathlib import Path

from seqgen.bundle import SCORES, SELFTEST, find_bundle, read_bundle, read_config
from seqgen.errors import UserError
from seqgen.files import read_json
from seqgen.generate import load

TOLERANCE = 1e-3  # nats of a whole output, between machines


def describe(folder: Path) -> str:
    """The bundle in a few lines: task, sizes, settings, measured scores."""
    folder = find_bundle(folder)
    config = read_config(folder)
    bundle = read_bundle(folder)
    count = sum(parameter.numel() for parameter in bundle.model.parameters())
    decoder = config.model.decoder
    lines = [
        f"{folder}: {config.task}, {count:,} parameters",
        f"encoder {config.model.encoder} {config.model.encoder_options or ''}".rstrip(),
        f"decoder {decoder.layers} x {decoder.cell} {decoder.hidden_dim},"
        f" attention {decoder.attention}",
        f"text {config.source.kind}, {bundle.source.size:,} source and"
        f" {bundle.target.size:,} target tokens",
        f"made with {', '.join(f'{k} {v}' for k, v in config.versions.items())}",
    ]
    for score in read_json(folder / SCORES):
        lines.append(f"{score['name']} {score['value']:.2f}  {score['signature']}")
    return "\n".join(lines)


def replay(folder: Path) -> str:
    """Translate the bundle's self-test again and compare.

    Raises:
        UserError: an output or its log-probability is not what it was.
    """
    folder = find_bundle(folder)
    tests = read_json(folder / SELFTEST)
    translator = load(folder)
    found = translator.hypotheses([test["input"] for test in tests])
    for number, (test, best) in enumerate(zip(tests, found, strict=True), start=1):
        text, log_prob = best[0].text, best[0].hypothesis.log_prob
        if text != test["output"] or abs(log_prob - test["log_prob"]) > TOLERANCE:
            raise UserError(
                f"gives '{text}' ({log_prob:.4f}) where it gave '{test['output']}'"
                f" ({test['log_prob']:.4f})",
                f"{folder / SELFTEST}, entry {number}",
                "the model or the library has changed",
            )
    return f"self-test: {len(tests)} of {len(tests)} outputs as they were"
