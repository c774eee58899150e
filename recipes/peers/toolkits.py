"""How each toolkit of compare_peers.py is started."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

SEQGEN = [sys.executable, "-m", "seqgen"]
SIZES = {  # settings that make a model of ours about as large as a peer's
    "joeynmt": [],
    "eole": ["model.encoder_options.embedding_dim=560", "model.encoder_options.hidden_dim=256",
             "model.encoder_options.skip=true", "model.decoder.layers=1",
             "model.decoder.hidden_dim=384", "model.tied_embeddings=false",
             "model.decoder.tied_output=false"],
}  # fmt: skip
FAST = ["--int8", "--processes", "2", "--threads", "1"]
LISTED = [*FAST, "--shortlist", "list", "--batch-size", "64"]  # whose lists are shorter together


@dataclass(frozen=True)
class Row:
    """One toolkit at one size."""

    name: str
    train: list[str]
    speed: str  # pattern of the target tokens a second that it prints
    translate: list[str]  # from the file IN or standard input to OUT or standard output
    pieces: bool = False  # its files are of pieces
    after: list[str] = field(default_factory=list)  # what follows training, not timed


def rows(joeynmt: Path | None, eole: Path | None) -> list[Row]:
    """The peers there are, each followed by ours at its size: in float32, and as fast as it goes.

    The latter trains in bfloat16 where that is faster and translates with products of 8-bit
    integers in two processes of a thread each; last, it does so with a shortlist of tokens.

    Args:
        joeynmt: its virtual environment.
        eole: its virtual environment.
    """
    peers = {
        "joeynmt": Row(
            "joeynmt",
            [f"{joeynmt}/bin/python", "-m", "joeynmt", "train", "joeynmt.json", "--skip-test"],
            r"Tokens per Sec: +([\d,]+)",
            [f"{joeynmt}/bin/python", "-m", "joeynmt", "translate", "joeynmt.json"],
        ),
        "eole": Row(
            "eole",
            [f"{eole}/bin/eole", "train", "-c", "eole.json"],
            r"/ *([\d,]+) tok/s",
            [f"{eole}/bin/eole", "predict", "-model_path", "eole", "-src", "IN", "-output", "OUT",
             "-beam_size", "5", "-length_penalty", "none", "-batch_size", "64",
             "-max_length", "60"],
            pieces=True,
        ),
    }  # fmt: skip
    found = []
    there = {"joeynmt": joeynmt, "eole": eole}
    for peer, row in peers.items():
        if there[peer] is None:
            continue
        found.append(row)
        for kind, precision, wishes in (
            ("float32", "float32", []), ("fast", "auto", FAST), ("listed", "auto", LISTED)
        ):  # fmt: skip
            name = f"seqgen-{peer}-{kind}"
            sets = [f"--set={one}" for one in (*SIZES[peer], f"training.precision={precision}")]
            train = [*SEQGEN, "train", "translate", "--config", "seqgen.toml", "--out", name, *sets]
            translate = [*SEQGEN, "translate", "--model", name, "--input", "IN", "--output", "OUT",
                         "--length-penalty", "0", *wishes]  # fmt: skip
            learn = [*SEQGEN, "shortlist", "--model", name, "--source", "train.en",
                     "--target", "train.de", "--output", "list"]  # fmt: skip
            after = learn if kind == "listed" else []
            found.append(Row(name, train, r"([\d,]+) tokens/s", translate, after=after))
    return found
