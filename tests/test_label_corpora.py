import gzip

import pytest

from seqgen.data.labels import read_labelled
from seqgen.errors import UserError
from seqgen.label_corpora import labelled_text


def counted(path):
    found = read_labelled(path)
    return len(found), sorted({one.label for one in found})


def test_scenes_are_told_with_their_subject(tmp_path):
    text = labelled_text("scenes", tmp_path)
    every = read_labelled(text.train)
    assert (len(every), len(read_labelled(text.valid)), len(read_labelled(text.test))) == (
        4000, 250, 250,
    )  # fmt: skip
    for one in every[:50]:
        assert one.label.removesuffix("x") in one.item.lower()


def test_question_types(real_data, tmp_path):
    real_data("sentclass")
    text = labelled_text("trec", tmp_path)
    types = ["ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"]
    assert text.valid is None
    assert counted(text.train) == (5452, types) and counted(text.test) == (500, types)


def test_sentiment(real_data, tmp_path):
    real_data("sentclass")
    text = labelled_text("sst2", tmp_path)
    both = ["negative", "positive"]
    parts = [counted(path) for path in (text.train, text.valid, text.test)]
    assert parts == [(6920, both), (872, both), (1821, both)]


def test_news_are_split_as_promised(real_data, tmp_path):
    real_data("ag_news")
    text = labelled_text("ag_news", tmp_path)
    topics = ["Business", "Sci/Tech", "Sports", "World"]
    assert counted(text.train) == (6000, topics) and counted(text.test) == (1600, topics)
    assert read_labelled(text.test)[0].item.startswith("Fears for T N pension after talks Unions")


def test_what_is_not_there_is_named(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no texts 'imdb'; known are scenes, trec"):
        labelled_text("imdb", tmp_path)
    monkeypatch.delenv("SEQGEN_DATA", raising=False)
    with pytest.raises(UserError, match="SEQGEN_DATA is not set"):
        labelled_text("trec", tmp_path)
    monkeypatch.setenv("SEQGEN_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"TREC\.train\.raw\.gz: does not exist"):
        labelled_text("trec", tmp_path)
    folder = tmp_path / "sentclass/sst2"
    folder.mkdir(parents=True)
    (folder / "stsa.binary.train.gz").write_bytes(gzip.compress(b"1 good\n2 bad\n"))
    with pytest.raises(UserError, match="line 2: has no label and text"):
        labelled_text("sst2", tmp_path)
    (folder / "stsa.binary.train.gz").write_bytes(b"no gzip")
    with pytest.raises(UserError, match="cannot be read"):
        labelled_text("sst2", tmp_path)
