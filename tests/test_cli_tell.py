import json

from animals import ANIMALS, animal_settings
from command import seqgen


def test_train_and_tell(tmp_path):
    changes, out = animal_settings(tmp_path), tmp_path / "out"
    told = seqgen(
        "train", "tell", "--train", changes["data.train"], "--valid", changes["data.valid"],
        "--out", out, "--max-epochs", 1, "--precision", "float32",
        "--set", "data.target.vocab_size=40", "--set", "model.decoder.hidden_dim=8",
    )  # fmt: skip
    assert told == f"best model: {out / 'best'}\n"
    assert seqgen("tell", "--model", out, "dog").startswith("dog\t")


def test_every_value_is_told_of_where_none_is_named(tiny_teller, tmp_path):
    lines = seqgen("tell", "--model", tiny_teller, "--beam-size", 2).splitlines()
    assert [line.split("\t")[0] for line in lines] == sorted(ANIMALS)
    seqgen("tell", "--model", tiny_teller, "--beam-size", 2, "--output", tmp_path / "a.tsv")
    assert (tmp_path / "a.tsv").read_text("utf-8").splitlines() == lines


def test_several_are_drawn_and_told_in_json(tiny_teller):
    asked = ("tell", "--model", tiny_teller, "cat", "--temperature", 1, "--n-best", 4)
    assert len(seqgen(*asked).splitlines()) == 4
    found = json.loads(seqgen(*asked, "--json"))
    assert found["value"] == "cat" and len(found["hypotheses"]) == 4
    assert found["hypotheses"][0]["log_prob"] < 0
