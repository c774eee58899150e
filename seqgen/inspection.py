"""What a bundle says of itself, and whether it still holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from seqgen.bundle import SCORES, SELFTEST, find_bundle, read_bundle, read_config
from seqgen.captioner import Captioner
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
    reads = f"{bundle.source.size:,} source and " if bundle.source else ""
    reads = f"{len(config.values):,} values and " if config.values else reads
    lines = [
        f"{folder}: {config.task}, {count:,} parameters",
        f"encoder {config.model.encoder or 'none'} {config.model.encoder_options or ''}".rstrip(),
        f"decoder {decoder.layers} x {decoder.cell} {decoder.hidden_dim},"
        f" attention {decoder.attention}",
        f"text {config.target.kind}, {reads}{bundle.target.size:,} target tokens",
        f"made with {', '.join(f'{k} {v}' for k, v in config.versions.items())}",
    ]
    for score in read_json(folder / SCORES):
        lines.append(f"{score['name']} {score['value']:.2f}  {score['signature']}")
    return "\n".join(lines)


def replay(folder: Path) -> str:
    """Do the bundle's self-test again and compare.

    Raises:
        UserError: an output or its log-probability is not what it was.
    """
    folder = find_bundle(folder)
    tests = read_json(folder / SELFTEST)
    model = load(folder)
    inputs = [test["input"] for test in tests]
    if isinstance(model, Captioner):
        inputs = [probe_picture(number) for number in inputs]
    found = model.hypotheses(inputs)
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


def probe_picture(number: int) -> Image.Image:
    """A picture that is the same everywhere, for the self-test of a captioner: 64 x 64 waves."""
    down, across = np.mgrid[:64, :64]
    waves = [(down * (number + 1 + i) + across * (3 - i)) * 4 % 256 for i in range(3)]
    return Image.fromarray(np.stack(waves, -1).astype(np.uint8))
