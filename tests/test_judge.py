import json

import pytest
from animals import animal_settings
from pairs import settings
from prose import prose_settings
from squares import caption_settings

from seqgen.errors import UserError
from seqgen.training.judge import make_judge
from seqgen.training.report import Report
from seqgen.training.run import CAPTION, TELL, TRANSLATE, WRITE, train
from seqgen.training.settings import read_settings
from seqgen.training.trainer import TrainingConfig


def shortness(outputs, references, scale=1.0):
    assert len(outputs) == len(references) and all(isinstance(one, list) for one in references)
    return -scale * sum(map(len, outputs)) / len(outputs)


def broken(outputs, references):
    return float("nan")


@pytest.mark.parametrize(
    ("plan", "make", "first"),
    [(TRANSLATE, settings, "BLEU"), (CAPTION, caption_settings, "BLEU-1")],
)
def test_the_best_model_is_the_best_by_it(tmp_path, plan, make, first):
    changes = make(tmp_path / "data", max_epochs=1, metric=shortness, metric_options={"scale": 2})
    out = tmp_path / "out"
    train(plan, read_settings(None, changes, plan.settings), out, Report(quiet=True))
    scores = json.loads((out / "best/scores.json").read_text())
    assert scores[0]["name"] == first and scores[-1]["name"] == "shortness"
    assert scores[-1]["value"] < 0 and "'scale': 2" in scores[-1]["signature"]
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["shortness"] == scores[-1]["value"]


@pytest.mark.parametrize(("plan", "make"), [(TELL, animal_settings), (WRITE, prose_settings)])
def test_it_is_refused_where_nothing_is_compared(tmp_path, plan, make):
    changes = make(tmp_path, max_epochs=1) | {"training.metric": shortness}
    with pytest.raises(UserError, match="a metric is not for"):
        train(plan, read_settings(None, changes, plan.settings), tmp_path / "out")


def test_what_is_no_number_is_refused():
    assert make_judge(TrainingConfig()) is None
    judge = make_judge(read_settings(None, {"training.metric": broken}).training)
    with pytest.raises(UserError, match="metric 'broken': returned nan"):
        judge(["a"], [["a"]])
    with pytest.raises(UserError, match="no module 'nowhere'"):
        make_judge(TrainingConfig(metric="nowhere:metric"))
