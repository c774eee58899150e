"""The recipes run as they stand, on data small enough for a test."""

import gzip
import importlib.util
import os
import runpy
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from animals import write_animals
from prose import write_prose
from tagged import write_conllu

import seqgen
from seqgen.data.word_vectors import read_word_vectors
from seqgen.model.cnn import CNNEncoder
from seqgen.training.settings import WritingSettings, read_settings

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


def test_presets_of_language_models_are_settings():
    spec = importlib.util.spec_from_file_location("recipe", ROOT / "recipes/language_model.py")
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    for name, preset in recipe.PRESETS.items():
        found = read_settings(None, preset, WritingSettings)
        assert found.training.max_minutes <= 86, name
    assert set(recipe.DEFAULT.values()) <= set(recipe.PRESETS)


@pytest.fixture
def recipe(monkeypatch, capsys, tmp_path):
    """Run a recipe in an empty folder; what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "recipes")  # as Python does for a script

    def run(name, *options):
        monkeypatch.setattr(sys, "argv", [name, *map(str, options)])
        runpy.run_path(str(ROOT / "recipes" / name), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("options", [("--hidden", 16), ("--preset", "lesson", "--cell", "gru")])
def test_a_language_model_of_any_file(recipe, tmp_path, options):
    text = write_prose(tmp_path / "mine.txt")
    told = recipe("language_model.py", "--corpus", text, *options)
    assert "held out: " in told and " nats, " in told and "\nThe " in told
    (out,) = (tmp_path / "runs").iterdir()
    again = recipe("language_model.py", "--corpus", text, *options)
    assert again == told and out.name.startswith("write-mine-char-")


def test_temperatures_side_by_side(recipe, tiny_writer, tmp_path):
    told = recipe("temperature.py", "--model", tiny_writer.folder, "--length", 500)
    assert "a cycle: from character" in told
    table = told[told.index("distinct-1") :].splitlines()
    names = ["greedy", "0.3", "0.8", "1.0", "1.3", "1.8"]
    assert [line.split()[0] for line in table[1:7]] == names
    real = [float(line.split()[-1]) for line in table[1:7]]
    assert real[0] > real[-1]
    assert (tmp_path / "runs/temperature.png").read_bytes().startswith(b"\x89PNG")


def test_counts_and_network_in_one_table(recipe, tiny_writer):
    told = recipe("compare_models.py", "--model", tiny_writer.folder, "--tokens", 250)
    rows = {line.split()[0]: line.split()[1:] for line in told.split("\n\n")[1].splitlines()[2:]}
    assert list(rows) == ["1-gram", "2-gram", "3-gram", "5-gram", "7-gram", "network", "both"]
    bits = {name: float(cells[0]) for name, cells in rows.items()}
    assert bits["1-gram"] > bits["2-gram"] > bits["3-gram"] > bits["both"]
    assert told.count("The ") >= 7


def test_texts_from_values(recipe, tmp_path):
    files = [write_animals(tmp_path / f"{name}.tsv", 100, seed) for seed, name in enumerate("ab")]
    told = recipe("from_value.py", "--train", files[0], "--valid", files[1])
    assert "\nsea bird:\n  " in told and "120 texts drawn" in told


def test_a_tag_for_every_word(recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGEN_DATA", str(tmp_path))
    (tmp_path / "ud_ewt").mkdir()
    for seed, (part, count) in enumerate({"train": 150, "dev": 30, "test": 30}.items()):
        text = write_conllu(tmp_path / f"{part}.conllu", count, seed).read_bytes()
        name = tmp_path / f"ud_ewt/en_ewt-ud-{part}.conllu"
        if part == "test":
            name.write_bytes(text)
        else:
            Path(f"{name}.gz").write_bytes(gzip.compress(text))
    told = recipe("tag.py", "--corpus", "ud_ewt")
    assert "test: accuracy " in told and "words that training has not, " in told
    assert "\n  the/" in told and recipe("tag.py", "--corpus", "ud_ewt") == told


def test_captions_of_drawn_scenes(recipe, tmp_path, monkeypatch):
    sizes = {"train": 20, "valid": 8, "test": 8}
    monkeypatch.setattr("seqgen.scenes.pictures.SIZE", sizes)
    told = recipe("caption.py")
    assert "\ntest:\nBLEU-1 " in told and "CIDEr-D " in told
    assert (tmp_path / "runs/caption-scenes-en-1/test.png").is_file()


def test_the_small_network_is_what_a_captioner_reads(recipe, tmp_path):
    out = tmp_path / "network.safetensors"
    told = recipe("small_network.py", out, "--pictures", 600, "--minutes", 0.01)
    assert "nats of 500 pictures held out: " in told
    encoder = CNNEncoder("small", str(out))
    assert encoder.load_pretrained() is not None


@pytest.mark.parametrize("name", ["classify.py", "bag_of_words.py"])
def test_one_label_for_many_words(recipe, tmp_path, monkeypatch, name):
    monkeypatch.setattr("seqgen.scenes.corpus.SIZE", {"train": 200, "valid": 20, "test": 20})
    told = recipe(name)
    assert "\ntest:\naccuracy " in told and "macro F1 " in told
    if name == "classify.py":
        assert "right \\ given" in told
        assert (tmp_path / "runs/classify-scenes/test.png").is_file()
        assert recipe(name) == told


def test_word_vectors_and_a_classifier_that_reads_them(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("seqgen.scenes.corpus.SIZE", {"train": 200, "valid": 20, "test": 20})
    told = recipe("word_vectors.py", tmp_path / "vectors.txt", "--width", 20)
    found = read_word_vectors(tmp_path / "vectors.txt")
    assert f" {len(found.words)} of them different" in told and found.vectors.shape[1] == 20
    assert "\ntest:\naccuracy " in recipe("classify.py", "--vectors", tmp_path / "vectors.txt")
    recipe("word_vectors.py", tmp_path / "cased.txt", "--cased")
    cased = read_word_vectors(tmp_path / "cased.txt")
    assert "the" in found.words and "The" not in found.words and "The" in cased.words


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("classify.py", f"{ROOT}/tests/good_encoders.py:MeanEncoder"),
        ("from_value.py", "seqgen.model.value:EmbeddingEncoder"),
        ("tag.py", "seqgen.model.words:WordEncoder"),
    ],
)
def test_with_an_encoder_of_ones_own(recipe, tmp_path, monkeypatch, name, encoder):
    monkeypatch.setattr("seqgen.scenes.corpus.SIZE", {"train": 200, "valid": 20, "test": 20})
    recipe(name, "--encoder", encoder)
    (settings,) = (tmp_path / "runs").glob(f"*{encoder.rpartition(':')[2]}*/**/settings.json")
    assert encoder in settings.read_text("utf-8")


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


def test_int8_compares_what_two_ways_write(tiny_bundle):
    parts = runpy.run_path(str(ROOT / "recipes/int8.py"))
    lines = ["a big dog", "cat", "red red cat sees"]
    (found, speeds), (rounded, _) = (
        parts["measure"](seqgen.load(tiny_bundle, int8=int8), lines) for int8 in (False, True)
    )
    assert len(found) == len(rounded) == 3 and all(float(one) > 0 for one in speeds)
    same, off, _, p = parts["quality"](found, found, lines)
    assert (same, off, p) == ("3 of 3", "0.0e+00", "1.000")
    assert parts["quality"](rounded, found, lines)[0].endswith(" of 3")


@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_a_training_kind_of_work_by_kind(recipe, precision):
    told = recipe("profile_training.py", "--quick", "--precision", precision, "--vocab", 1000)
    rows = [line.split("|")[1:] for line in told.splitlines() if line.endswith(" |")]
    spent = {row[0].strip(): float(row[1]) for row in rows[1:]}
    assert spent["recurrent layers"] > 0 and spent["other products"] > 0
    total = spent.pop("all")
    assert sum(spent.values()) == pytest.approx(total, abs=0.05 * len(spent))
