import json

import pytest
from test_trainer import StopAt, state
from topics import colour_settings, topic_settings, vector_settings

import seqgen
from seqgen.data.labels import read_labelled
from seqgen.errors import UserError
from seqgen.inspection import describe, replay
from seqgen.scoring.labels import label_scores
from seqgen.training.report import Report
from seqgen.training.run import resume_classifier, train_classifier
from seqgen.training.settings import ClassifierSettings, read_settings

WILD = {
    "consistency": 1.0,
    "subword_sampling": 0.5,
    "accumulate": 2,
    "save_every": 4,
    "average": 0.9,
    "label_smoothing": 0.1,
}


def train(changes, out, **extra):
    settings = read_settings(None, changes | extra, ClassifierSettings)
    return train_classifier(settings, out, Report(quiet=True))


@pytest.mark.parametrize("make", [topic_settings, colour_settings, vector_settings])
def test_interrupted_and_resumed_equals_unbroken_bit_for_bit(tmp_path, monkeypatch, make):
    wild = WILD if make is topic_settings else {**WILD, "subword_sampling": 0.0}
    changes = make(tmp_path / "data", **wild)
    changes["model.head"] = {"pooling": "attention", "hidden_dim": 8, "dropout": 0.3}
    train(changes, tmp_path / "whole")
    StopAt(monkeypatch, 1, 4)
    with pytest.raises(UserError, match="train classify --out"):
        train(changes, tmp_path / "broken")
    with pytest.raises(UserError, match="--resume"):
        resume_classifier(tmp_path / "broken", Report(quiet=True))
    resume_classifier(tmp_path / "broken", Report(quiet=True))
    assert state(tmp_path / "whole") == state(tmp_path / "broken")


def test_it_learns_and_its_scores_are_those_of_its_labels(tiny_classifier):
    valid = read_labelled(tiny_classifier.parent / "valid.csv")
    model = seqgen.load(tiny_classifier)
    given = model.classify([one.item for one in valid])
    scores = label_scores(given, [one.label for one in valid])
    assert scores[0].value > 95
    kept = json.loads((tiny_classifier / "best/scores.json").read_text())
    assert [(one["name"], one["value"]) for one in kept] == [(s.name, s.value) for s in scores]


def test_pictures_are_labelled_from_files(tmp_path):
    changes = colour_settings(tmp_path / "data", 96, max_epochs=8)
    model = train(changes, tmp_path / "out")
    every = read_labelled(tmp_path / "data/colours.tsv", tmp_path / "data/pictures")
    files = [one.item for one in every]
    given = model.classify(files, batch_size=5)
    assert label_scores(given, [one.label for one in every])[0].value > 90
    assert model.classify(files[:9], batch_size=1) == given[:9]
    assert "images, 4 labels: black, blue" in describe(tmp_path / "out")
    assert "5 of 5" in replay(tmp_path / "out")
    with pytest.raises(UserError, match="does not exist"):
        model.classify([tmp_path / "none.png"])


def test_the_bundle_describes_itself_and_replays_its_self_test(tiny_classifier):
    told = describe(tiny_classifier)
    assert "classify, " in told and "2 labels: food, sport" in told and "macro F1" in told
    assert "5 of 5" in replay(tiny_classifier)
    card = (tiny_classifier / "best/README.md").read_text("utf-8")
    assert "validation accuracy: " in card and "model.classify" in card


def test_training_stops_early_and_keeps_the_best(tmp_path):
    changes = topic_settings(tmp_path, max_epochs=30, patience=2)
    train(changes, tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()]
    values = [line["accuracy"] for line in lines if "accuracy" in line]
    assert len(values) < 30 and max(values) == values[-3]
    (kept, _) = json.loads((tmp_path / "out/best/scores.json").read_text())
    assert kept["value"] == max(values)


def test_a_model_may_begin_with_the_weights_of_another(tmp_path, tiny_classifier):
    changes = topic_settings(tmp_path, max_epochs=1, learning_rate=1e-9)
    changes |= {"training.initial": str(tiny_classifier)}
    model = train(changes, tmp_path / "out")
    text = ["a red ball"]
    assert model.log_probs(text) == pytest.approx(
        seqgen.load(tiny_classifier).log_probs(text), abs=1e-4
    )
    changes["data.source.kind"] = "char"
    with pytest.raises(UserError, match="another vocabulary"):
        train(changes, tmp_path / "other")


def test_words_that_training_has_not_are_known_by_their_vectors(tmp_path):
    changes = vector_settings(tmp_path, max_epochs=8)
    model = train(changes, tmp_path / "out")
    assert model.classify(["a cake", "the old CAKE", "kicks", "a cat kicks"]) == [
        "food", "food", "sport", "sport",
    ]  # fmt: skip
    (bundle,) = seqgen.load(tmp_path / "out").bundles
    given = bundle.model.encoder.embed.vectors
    cake, of = (bundle.source.find(f"▁{word}") for word in ("cake", "of"))
    assert (given[cake] / given[cake][0]).tolist() == [1, 2, 0]  # as they were given
    assert (given[of] / given[cake][0]).tolist() == [0, 0, -1]
    changes |= {"model.encoder": "seqgen.model.ngrams:NgramEncoder", "training.max_epochs": 1}
    changes["model.encoder_options"] = {"embedding_dim": 8, "filters": 4}
    train(changes, tmp_path / "ngrams")
    replay(tmp_path / "ngrams")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"data.train": ""}, "pass --train"),
        ({"training.reward": "bleu"}, "reward is not for classifiers"),
        ({"training.scheduled_sampling": 0.1}, "scheduled_sampling is not for classifiers"),
        ({"model.head": {"pooling": "sum"}}, "choose from summary, last"),
        ({"data.valid_share": 1.0}, "valid_share"),
        ({"search.beam_size": 3}, "unknown setting 'search'"),
        ({"data.vectors": "v.txt"}, 'set data.source.kind = "word"'),
        ({"data.vectors": "v.txt", "data.source.kind": "word"}, r"v\.txt: does not exist"),
    ],
)
def test_settings_without_meaning_are_refused(tmp_path, extra, message):
    with pytest.raises(UserError, match=message):
        train(topic_settings(tmp_path / "data"), tmp_path / "out", **extra)


def test_labels_that_training_lacks_are_named(tmp_path):
    changes = topic_settings(tmp_path)
    (tmp_path / "valid.csv").write_text("soup,food\nrain,weather\n")
    with pytest.raises(UserError, match=r"valid\.csv, line 2: there is no value 'weather'"):
        train(changes, tmp_path / "out")
    (tmp_path / "train.csv").write_text("soup,food\nbread,food\n")
    with pytest.raises(UserError, match="no label but 'food'"):
        train(changes, tmp_path / "out")


def food_found(outputs, references):
    """A measure of one's own: the share of food that was found."""
    food = [given for given, right in zip(outputs, references, strict=True) if right == ["food"]]
    return 100 * food.count("food") / len(food)


def test_a_measure_of_ones_own_chooses_the_best(tmp_path):
    train(topic_settings(tmp_path), tmp_path / "out", **{"training.metric": food_found})
    kept = json.loads((tmp_path / "out/best/scores.json").read_text())
    assert [one["name"] for one in kept] == ["food_found", "accuracy", "macro F1"]
    log = (tmp_path / "out/log.jsonl").read_text()
    assert '"food_found"' in log and '"accuracy"' not in log
