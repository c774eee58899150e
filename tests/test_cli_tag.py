import gzip
import io
import subprocess
import sys
from pathlib import Path

import pytest
from command import seqgen
from tagged import tag_settings, write_conllu, write_tsv

from seqgen.data.conllu import read_sentences
from seqgen.errors import UserError


def test_train_and_tag(tmp_path):
    changes, out = tag_settings(tmp_path, write_conllu), tmp_path / "out"
    told = seqgen(
        "train", "tag", "--train", changes["data.train"], "--valid", changes["data.valid"],
        "--out", out, "--column", "xpos", "--format", "conllu", "--max-epochs", 1,
        "--precision", "float32", "--set", "model.encoder_options.hidden_dim=8",
        "--set", "data.words.vocab_size=30",
    )  # fmt: skip
    assert told == f"best model: {out / 'best'}\n"
    text = Path(changes["data.valid"]).read_text("utf-8")
    written = seqgen("tag", "--model", out, "--input", changes["data.valid"])
    pairs = [
        (one.split("\t"), other.split("\t"))
        for one, other in zip(text.splitlines(), written.splitlines(), strict=True)
    ]
    assert all(one[:4] + one[5:] == other[:4] + other[5:] for one, other in pairs)
    tags = {other[4] for one, other in pairs if one[0].isdigit()}
    assert len(tags) > 1 and tags <= {"A", "D", "N", "P", "V"}


@pytest.fixture
def trees(tmp_path):
    return write_conllu(tmp_path / "new.conllu", 30, seed=5)


def test_only_the_tags_change_and_no_byte_besides(tiny_tagger, trees, tmp_path):
    blank = tmp_path / "blank.conllu.gz"
    lines = trees.read_text("utf-8").splitlines()
    cells = [line.split("\t") for line in lines]
    for row in cells:
        if row[0].isdigit():
            row[3] = "_"
    text = "\n".join(map("\t".join, cells)).replace("\n", "\r\n")  # and no end of the last line
    blank.write_bytes(gzip.compress(text.encode("utf-8")))
    output = tmp_path / "out.conllu"
    seqgen("tag", "--model", tiny_tagger, "--input", blank, "--output", output)
    assert output.read_bytes().decode("utf-8") == "\r\n".join(lines)  # all tags right
    seqgen("tag", "--model", tiny_tagger, "--input", blank, "--output", output, "--column", "xpos")
    found = output.read_bytes().decode("utf-8").split("\r\n")
    assert found[1].split("\t")[3:5] == ["_", "DET"]


def test_the_batch_changes_nothing(tiny_tagger, trees):
    asked = ("tag", "--model", tiny_tagger, "--input", trees, "--batch-size")
    assert seqgen(*asked, 1) == seqgen(*asked, 7) == seqgen(*asked, 64)


def test_words_alone_and_words_with_other_tags(tiny_tagger, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("the\nrun\tDET\n\nmay\nrun")
    found = seqgen("tag", "--model", tiny_tagger, "--input", path, "--format", "tsv")
    assert found == "the\tDET\nrun\tNOUN\n\nmay\tAUX\nrun\tVERB"


def test_what_is_tagged_can_be_scored(tiny_tagger, tmp_path):
    right, mine = write_tsv(tmp_path / "a.tsv", 30, seed=8), tmp_path / "b.tsv"
    seqgen("tag", "--model", tiny_tagger, "--input", right, "--output", mine)
    assert seqgen("score", "tags", mine, right).startswith("accuracy 100.00 [100.00, 100.00]")


def test_a_pipe_in_a_process_of_its_own(tiny_tagger, trees):
    command = [sys.executable, "-m", "seqgen", "tag", "--model", str(tiny_tagger)]
    text = trees.read_bytes()
    done = subprocess.run(command, input=text, capture_output=True, check=True)
    assert done.stdout == text
    done = subprocess.run(command, input=b"1\tno\n", capture_output=True, check=False)
    assert done.returncode == 2 and done.stdout == b""
    assert done.stderr.decode().splitlines() == [
        "seqgen: /dev/stdin, line 1: has 2 columns where 10 are expected"
    ]


def test_a_bad_line_leaves_no_file(tiny_tagger, tmp_path):
    path, output = tmp_path / "a.tsv", tmp_path / "b.tsv"
    path.write_text("the\tDET\n\na\tb\tc\n")
    with pytest.raises(UserError, match=r"a.tsv, line 3: has 3 columns"):
        seqgen("tag", "--model", tiny_tagger, "--input", path, "--output", output)
    assert not output.exists()


def test_real_sentences_go_through_every_part(real_data, tmp_path):
    """A few hundred real sentences: train, tag, score; each byte but the tags as it was."""
    data = real_data("ud_ewt")
    files = {}
    for name, part, count in (("train", "train", 300), ("valid", "dev", 60)):
        path = data / f"en_ewt-ud-{part}.conllu.gz"
        some = [one for one, _ in zip(read_sentences(path, "conllu"), range(count), strict=False)]
        files[name] = tmp_path / f"{name}.conllu"
        files[name].write_text("".join(one.retagged(one.tags) for one in some), "utf-8")
    out, mine = tmp_path / "out", tmp_path / "mine.conllu"
    seqgen(
        "train", "tag", "--train", files["train"], "--valid", files["valid"], "--out", out,
        "--max-epochs", 4, "--set", "model.encoder_options={hidden_dim = 32, embedding_dim = 32}",
        "--set", "training.warmup=20", "--set", "training.average=0.9", "--batch-tokens", 200,
    )  # fmt: skip
    seqgen("tag", "--model", out, "--input", files["valid"], "--output", mine)
    told = seqgen("score", "tags", mine, files["valid"])
    assert float(told.split()[1]) > 65
    rows = [io.StringIO(path.read_text("utf-8")) for path in (mine, files["valid"])]
    for one, other in zip(*rows, strict=True):
        found, right = one.split("\t"), other.split("\t")
        assert found[:3] + found[4:] == right[:3] + right[4:]
