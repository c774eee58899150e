import gzip

import pytest

from seqgen.corpora import running_text
from seqgen.data.text_stream import read_text
from seqgen.errors import UserError


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode("utf-8")))


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGEN_DATA", str(tmp_path))
    return tmp_path


def test_scenes_become_stories_of_five_sentences(tmp_path):
    found = running_text("scenes", tmp_path)
    stories = found.train.read_text("utf-8").split("\n\n")
    assert {story.count(".") for story in stories[:-1]} == {5} and stories[-1] == ""
    assert len(stories) == 801 and found.valid is None and found.test is None


def test_lines_of_the_treebank_lose_their_spaces(root):
    for part in ("train", "valid", "test"):
        write(root / f"ptb/ptb.{part}.txt.gz", f" one {part} <unk> \n two N \n")
    found = running_text("ptb", root / "out")
    texts = [(path and path.read_text("utf-8")) for path in (found.train, found.valid, found.test)]
    assert texts == [f"one {part} <unk>\ntwo N\n" for part in ("train", "valid", "test")]


def test_news_are_headlines_and_reports(root):
    write(
        root / "ag_news/test.csv.gz", '"3","A ""big"" day","It\\was  long\\nindeed."\n"1","B","C"\n'
    )
    found = running_text("ag_news", root / "out")
    assert found.train.read_text("utf-8") == 'A "big" day\nIt was long indeed.\n\nB\nC\n\n'


@pytest.mark.parametrize("broken", ['"3","only two"\n', '"1","a","b"\n"2","' + "x" * 200_000])
def test_broken_news_are_named_by_their_line(root, broken):
    write(root / "ag_news/test.csv.gz", broken)
    with pytest.raises(UserError, match=r"test\.csv\.gz, line \d: is no news"):
        running_text("ag_news", root / "out")
    assert not (root / "out/ag_news.txt").exists()


def test_any_file_will_do_and_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("a\n")
    assert running_text(str(tmp_path / "mine.txt"), tmp_path).train == tmp_path / "mine.txt"
    with pytest.raises(UserError, match="no text 'yours'"):
        running_text("yours", tmp_path)
    monkeypatch.delenv("SEQGEN_DATA", raising=False)
    with pytest.raises(UserError, match="SEQGEN_DATA is not set"):
        running_text("alice", tmp_path)


@pytest.mark.parametrize(
    ("name", "characters"),
    [("tinyshakespeare", 1_115_394), ("alice", 144_436), ("ag_news", None), ("ptb", None)],
)
def test_real_texts_are_found_whole(real_data, tmp_path, name, characters):
    real_data(name)
    found = running_text(name, tmp_path)
    text = "".join(read_text(found.train))
    if name == "ptb":
        assert len(text.split()) + text.count("\n") == 929_589
    elif name == "ag_news":
        assert text.count("\n\n") == 7600
    else:
        assert len(text) == characters
