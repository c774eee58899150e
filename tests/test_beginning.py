"""A training goes on only with the files that it began with; what has changed is named."""

from pathlib import Path

import pytest
from squares import caption_settings
from tagged import tag_settings, write_conllu
from test_trainer import StopAt
from topics import topic_settings

from seqgen.errors import UserError
from seqgen.training.plans import CLASSIFY, TAG
from seqgen.training.report import Report
from seqgen.training.run import resume, resume_captioner, train, train_captioner
from seqgen.training.settings import CaptionSettings, read_settings

QUIET = Report(quiet=True)
CHANGED = "has changed since the training began"
AGAIN = "; put it back, or train anew into another folder"


@pytest.mark.parametrize("cached", [False, True], ids=["its own cache", "a shared one"])
def test_resuming_names_the_captions_and_the_images_that_have_changed(
    tmp_path, monkeypatch, cached
):
    data, out = tmp_path / "data", tmp_path / "out"
    StopAt(monkeypatch, 1)
    extra = {"data.cache": str(tmp_path / "cache")} if cached else {}
    changes = caption_settings(data) | extra
    with pytest.raises(UserError, match="--resume"):
        train_captioner(read_settings(None, changes, CaptionSettings), out, QUIET)

    def refused(*paths, by):
        before = {path: path.read_bytes() for path in paths}
        for path in paths:
            path.write_bytes(by(path.read_bytes()))
        weights = (out / "last/weights.safetensors").read_bytes()
        with pytest.raises(UserError) as told:
            resume_captioner(out, QUIET)
        assert (out / "last/weights.safetensors").read_bytes() == weights
        for path, whole in before.items():
            path.write_bytes(whole)
        return str(told.value)

    captions = data / "captions.jsonl"
    said = refused(captions, by=lambda old: old.replace(b"square", b"circle", 1))
    assert said == f"{captions}: {CHANGED}{AGAIN}"
    images = [data / f"images/{number}.png" for number in (3, 7, 50)]  # of both parts
    other = (data / "images/0.png").read_bytes()
    assert refused(images[0], by=lambda _: other) == f"{images[0]}: {CHANGED}{AGAIN}"
    said = refused(*images, by=lambda _: other)
    assert said == f"{images[0]}: {CHANGED}, and so has 1 more image{AGAIN}"
    assert refused(images[2], by=lambda _: b"no picture") == f"{images[2]}: {CHANGED}{AGAIN}"
    resume_captioner(out, QUIET)


@pytest.mark.parametrize("task", ["tag", "classify"])
def test_a_file_of_tags_or_labels_that_has_changed_is_named(tmp_path, monkeypatch, task):
    make, plan = {
        "tag": (lambda folder: tag_settings(folder, write_conllu), TAG),
        "classify": (topic_settings, CLASSIFY),
    }[task]
    changes = make(tmp_path)
    StopAt(monkeypatch, 1)
    with pytest.raises(UserError, match=f"train {task} --out .* --resume"):
        train(plan, read_settings(None, changes, plan.settings), tmp_path / "out", QUIET)
    for name in ("data.train", "data.valid"):
        path = Path(changes[name])
        whole = path.read_bytes()
        path.write_bytes(whole.replace(b"a", b"o", 1))
        with pytest.raises(UserError) as told:
            resume(plan, tmp_path / "out", QUIET)
        assert str(told.value) == f"{path}: {CHANGED}{AGAIN}"
        path.write_bytes(whole)
    resume(plan, tmp_path / "out", QUIET)
