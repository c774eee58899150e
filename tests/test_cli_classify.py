import json
import subprocess
import sys

import pytest
from command import seqgen
from squares import draw
from topics import colour_settings, topic_settings

from seqgen.errors import UserError

TEXTS = ["the dog eats", "", "a goal", "big bread"]


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    """The folder of pictures, and of a classifier trained by the command line."""
    folder = tmp_path_factory.mktemp("colours")
    changes = colour_settings(folder / "data")
    settings = [
        word
        for name, value in changes.items()
        if isinstance(value, dict)
        for key, one in value.items()
        for word in ("--set", f"{name}.{key}={json.dumps(one)}")
    ]
    seqgen(
        "train", "classify", "--train", changes["data.train"], "--images", changes["data.images"],
        "--out", folder / "model", "--max-epochs", 2, "--precision", "float32", *settings,
    )  # fmt: skip
    return folder


def test_train_and_classify(tmp_path):
    changes, out = topic_settings(tmp_path), tmp_path / "out"
    told = seqgen(
        "train", "classify", "--train", changes["data.train"], "--valid", changes["data.valid"],
        "--out", out, "--max-epochs", 1, "--precision", "float32",
        "--set", "data.source.vocab_size=40", "--set", "model.encoder_options.hidden_dim=4",
    )  # fmt: skip
    assert told == f"best model: {out / 'best'}\n"
    label, share = seqgen("classify", "--model", out, "a big ball").strip().split("\t")
    assert label in ("food", "sport") and 0.5 <= float(share) <= 1


def test_lines_come_in_order_whatever_the_batch(tiny_classifier, tmp_path):
    (tmp_path / "in.txt").write_text("".join(f"{text}\n" for text in TEXTS), "utf-8")
    asked = ("classify", "--model", tiny_classifier)
    lines = seqgen(*asked, *TEXTS)
    assert lines.count("\n") == 4
    for size in (1, 3):
        seqgen(*asked, "--input", tmp_path / "in.txt", "--output", tmp_path / "out.tsv",
               "--batch-size", size)  # fmt: skip
        assert (tmp_path / "out.tsv").read_text("utf-8") == lines
    done = subprocess.run(
        [sys.executable, "-m", "seqgen", *map(str, asked)],
        input="".join(f"{text}\n" for text in TEXTS), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == lines


def test_several_labels_and_json(tiny_classifier):
    asked = ("classify", "--model", tiny_classifier, "a goal", "--top", 2)
    cells = seqgen(*asked).strip().split("\t")
    assert cells[::2] == ["sport", "food"] and sum(map(float, cells[1::2])) == pytest.approx(1)
    found = json.loads(seqgen(*asked, "--json"))
    assert found["label"] == "sport" and list(found["probabilities"]) == ["sport", "food"]
    assert found["log_prob"] < 0


def test_what_cannot_be_asked(tiny_classifier, colours):
    for more, message in (
        (("--top", 0), "--top: is 0"),
        (("--batch-size", 0), "--batch-size: is 0"),
        (("a text", "--input", "file"), "both given"),
    ):
        with pytest.raises(UserError, match=message):
            seqgen("classify", "--model", tiny_classifier, *more)
    with pytest.raises(UserError, match="classifies pictures"):
        seqgen("classify", "--model", colours / "model")
    with pytest.raises(UserError, match="can classify, not translate"):
        seqgen("translate", "--model", tiny_classifier, "a text")


def test_predictions_are_scored(tiny_classifier, tmp_path):
    texts = tiny_classifier.parent / "valid.csv"
    rows = [line.split(",") for line in texts.read_text("utf-8").splitlines()[1:]]
    lines = seqgen("classify", "--model", tiny_classifier, *(text for _, text in rows))
    (tmp_path / "given.tsv").write_text(lines, "utf-8")
    told = seqgen("score", "labels", tmp_path / "given.tsv", texts, "--chart", tmp_path / "c.png")
    first = told.splitlines()
    assert first[0].startswith("accuracy ") and first[1].startswith("macro F1 ")
    assert first[2].split() == [
        "right",
        "\\",
        "given",
        "food",
        "sport",
        "precision",
        "recall",
        "F1",
    ]
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    plain = tmp_path / "labels.txt"
    plain.write_text("".join(f"{label}\n" for label, _ in rows))
    assert seqgen("score", "labels", tmp_path / "given.tsv", plain) == told
    assert "accuracy 100.00 " in seqgen("score", "labels", plain, texts)


def test_pictures_and_the_score_of_their_labels(colours, tmp_path):
    model, data = colours / "model", colours / "data"
    lines = seqgen("classify", "--model", model, data / "pictures", "--top", 2).splitlines()
    assert len(lines) == 48 and all(len(line.split("\t")) == 5 for line in lines)
    (tmp_path / "given.tsv").write_text("\n".join(lines[::-1]) + "\n")
    asked = ("score", "labels", tmp_path / "given.tsv", data / "colours.tsv")
    told = seqgen(*asked, "--images", data / "pictures")
    assert "n = 48" in told
    (tmp_path / "given.tsv").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(UserError, match="lacks 1 of 48 images"):
        seqgen(*asked, "--images", data / "pictures")
    found = seqgen("classify", "--model", model, data / "pictures/0.png", "--json")
    assert json.loads(found)["image"].endswith("0.png")


def test_a_broken_picture_is_named_and_the_others_are_labelled(colours, tmp_path):
    draw("red", "left").save(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"no picture")
    asked = ("classify", "--model", colours / "model", tmp_path, "--output", tmp_path / "o.tsv")
    with pytest.raises(UserError, match="1 pictures could not be read"):
        seqgen(*asked)
    assert (tmp_path / "o.tsv").read_text().count("\n") == 1
    (tmp_path / "1.png").unlink()
    (tmp_path / "o.tsv").unlink()
    with pytest.raises(UserError, match="none of the pictures"):
        seqgen(*asked)
    assert not (tmp_path / "o.tsv").exists()
