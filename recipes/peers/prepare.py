"""The files that the toolkits of compare_peers.py read."""

import shutil
from pathlib import Path

import sentencepiece

from seqgen.data.fetch import data_folder
from seqgen.files import read_lines, write_text

TEST = "test_2016_flickr"
SPECIAL = {  # what each puts before the pieces in its vocabulary
    "joeynmt": ["<unk>", "<pad>", "<s>", "</s>"],
    "eole": ["<unk>", "<blank>", "<s>", "</s>"],
}


def prepare(folder: Path) -> None:
    """Write lowercased Multi30k, one joint SentencePiece model and what each peer wants beside.

    Raises:
        UserError: SEQGEN_DATA does not name the data.
    """
    data = data_folder("multi30k")
    folder.mkdir(parents=True, exist_ok=True)
    for settings in Path(__file__).parent.glob("*.*[nl]"):  # .json and .toml
        shutil.copy(settings, folder)
    files = [(part, side) for part in ("train", "val", TEST) for side in ("en", "de")]
    for part, side in files:
        lines = (line.lower() for line in read_lines(data / f"{part}.{side}.gz"))
        write_text(folder / f"{part}.{side}", "".join(f"{line}\n" for line in lines))
    pieces = train_pieces(folder)
    for part, side in files:
        cut = pieces.encode(list(read_lines(folder / f"{part}.{side}")), out_type=str)
        write_text(folder / f"{part}.pieces.{side}", "".join(" ".join(one) + "\n" for one in cut))
    names = [pieces.id_to_piece(i) for i in range(4, pieces.get_piece_size())]
    for peer, special in SPECIAL.items():
        count = "\t1" if peer == "eole" else ""
        write_text(folder / f"{peer}.vocab", "".join(f"{n}{count}\n" for n in special + names))


def train_pieces(folder: Path) -> sentencepiece.SentencePieceProcessor:
    """One unigram model of 8,000 pieces for both languages, with the ids the peers expect."""
    sentencepiece.SentencePieceTrainer.train(
        input=[str(folder / "train.en"), str(folder / "train.de")], model_type="unigram",
        model_prefix=str(folder / "pieces"), vocab_size=8000, character_coverage=1.0,
        unk_id=0, pad_id=1, bos_id=2, eos_id=3, minloglevel=2,
    )  # fmt: skip
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "pieces.model"))
