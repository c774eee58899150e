"""The recipes run as they stand, on data small enough for a test."""

import gzip
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_translate_needs_its_data_named(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "SEQGEN_DATA"}
    options = ["--corpus", "multi30k", "--out", str(tmp_path / "x")]
    done = subprocess.run(
        [sys.executable, "recipes/translate.py", *options],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [
        "seqgen: multi30k: SEQGEN_DATA is not set;"
        " seqgen fetch multi30k DIR, then set SEQGEN_DATA=DIR"
    ]


def test_real_lines_go_through_every_part(real_data, tmp_path):
    """A few hundred real pairs: train, decode, score, save, load."""
    import seqgen
    from seqgen.training.report import Report

    data = real_data("multi30k")
    for name, part, count in (("train", "train", 300), ("valid", "val", 20)):
        for language in ("en", "de"):
            with gzip.open(data / f"{part}.{language}.gz", "rt", encoding="utf-8") as file:
                lines = "".join(islice(file, count))
            (tmp_path / f"{name}.{language}").write_text(lines, "utf-8")
    small = {"embedding_dim": 64, "hidden_dim": 64}
    files = {
        f"data.{part}_{side}": str(tmp_path / f"{part}.{language}")
        for part in ("train", "valid")
        for side, language in (("source", "en"), ("target", "de"))
    }
    settings = seqgen.read_settings(
        None,
        {**files, "data.source.vocab_size": 600, "data.source.lowercase": True,
         "model.encoder_options": small, "model.decoder": small, "training.max_epochs": 2,
         "training.subword_sampling": 0.3, "training.warmup": 10},
    )  # fmt: skip
    model = seqgen.train_translator(settings, tmp_path / "out", Report(quiet=True))
    lines = (tmp_path / "valid.en").read_text("utf-8").splitlines()
    assert model.translate(lines) == seqgen.load(tmp_path / "out").translate(lines)
    for best in model.hypotheses(lines):
        assert best[0].hypothesis.log_prob < 0
