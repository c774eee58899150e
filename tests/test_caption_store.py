import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.data.caption_store import (
    IMAGES,
    CaptionReport,
    image_numbers,
    image_paths,
    prepare_captions,
)
from seqgen.data.captions import Captioned, read_captions
from seqgen.data.prepare import PairFiles, prepare_pairs
from seqgen.data.store import Ragged, Store
from seqgen.errors import UserError
from seqgen.files import write_json, write_text
from seqgen.text import TextConfig, Tokenizer

CAPTIONED = [
    Captioned(Path("a.jpg"), ("a dog", "ein Hund"), "train"),
    Captioned(Path("/b/ü.jpg"), ("cats",), "val"),
    Captioned(Path("c.jpg"), ("abc", "x", "dog and cats"), "train"),
]
ROWS = [(i, text) for i, one in enumerate(CAPTIONED) for text in one.captions]


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer.train([text for _, text in ROWS], TextConfig("char", 100))


def test_a_row_a_caption(tmp_path: Path, tokenizer: Tokenizer) -> None:
    source = tmp_path / "captions.tsv"
    write_text(source, "whatever")
    out = tmp_path / "out"
    report = prepare_captions(CAPTIONED, tokenizer, out, sources=[source])
    assert report == CaptionReport(images=3, captions=6, dropped_long=0)
    store = Store.open(out)
    assert store.texts("target_text", range(6)) == [text for _, text in ROWS]
    for i, (_, text) in enumerate(ROWS):
        assert store.columns["target"][i].tolist() == tokenizer.encode([text])[0]
    assert image_numbers(store).tolist() == [i for i, _ in ROWS]
    assert image_numbers(store).dtype == np.int32
    assert image_paths(store) == [Path.cwd() / one.image for one in CAPTIONED]
    assert store.info.sources == {str(source): hashlib.sha256(b"whatever").hexdigest()}
    assert store.info.settings["target"]["lowercase"] is False


@given(
    captions=st.lists(st.lists(st.text("ab", min_size=1, max_size=9), max_size=4), min_size=1),
    limit=st.integers(1, 9),
)
@settings(deadline=None, max_examples=50)
def test_kept_and_dropped_captions_are_all(
    tmp_path_factory: pytest.TempPathFactory, captions: list[list[str]], limit: int
) -> None:
    out = tmp_path_factory.mktemp("store") / "out"
    tokenizer = Tokenizer.train(["ab"], TextConfig("char", 100))  # a token a character, and one
    captioned = [Captioned(Path(f"{i}"), tuple(c), "x") for i, c in enumerate(captions)]
    rows = [(i, text) for i, texts in enumerate(captions) for text in texts]
    kept = [(i, text) for i, text in rows if len(text) + 1 <= limit]
    if not kept:
        with pytest.raises(UserError, match=r"there are no captions|no caption has at most"):
            prepare_captions(captioned, tokenizer, out, limit, drop_long=True)
        assert not out.exists()
        return
    report = prepare_captions(captioned, tokenizer, out, limit, drop_long=True)
    assert report == CaptionReport(len(captions), len(kept), len(rows) - len(kept))
    store = Store.open(out)
    found = zip(image_numbers(store), store.texts("target_text", range(len(store))), strict=True)
    assert list(found) == kept


def test_captions_that_cannot_be_used(tmp_path: Path, tokenizer: Tokenizer) -> None:
    out = tmp_path / "out"
    message = r"ü\.jpg: its caption 'cats' has more than 4 tokens, the first of 2 such .* drop_long"
    with pytest.raises(UserError, match=message):
        prepare_captions(CAPTIONED[1:], tokenizer, out, 4)
    empty = [*CAPTIONED, Captioned(Path("d.jpg"), ("dog", "\u200b"), "train")]
    for drop_long in (False, True):
        with pytest.raises(UserError, match=r"d\.jpg: its caption '\\u200b' has no tokens, the fi"):
            prepare_captions(empty, tokenizer, out, 20, drop_long)
    with pytest.raises(UserError, match="max_length must be at least 1"):
        prepare_captions(CAPTIONED, tokenizer, out, 0)
    assert list(tmp_path.iterdir()) == []


def test_only_stores_are_replaced(tmp_path: Path, tokenizer: Tokenizer) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    prepare_captions(CAPTIONED, tokenizer, out)
    prepare_captions(CAPTIONED[:1], tokenizer, out)
    assert len(Store.open(out)) == 2
    write_text(other / "thesis.txt", "mine")
    with pytest.raises(UserError, match="holds other things"):
        prepare_captions(CAPTIONED, tokenizer, other)


def test_a_store_that_holds_no_captions_or_is_damaged(tmp_path: Path, tokenizer: Tokenizer) -> None:
    write_text(tmp_path / "a.tsv", "dog\tcat\n")
    prepare_pairs(PairFiles(tmp_path / "a.tsv"), tokenizer, tokenizer, tmp_path / "pairs")
    with pytest.raises(UserError, match="holds no captions of images; prepare captions"):
        image_numbers(Store.open(tmp_path / "pairs"))
    prepare_captions(CAPTIONED, tokenizer, tmp_path / "out")
    store = Store.open(tmp_path / "out")
    for names, message in ((["a", "b"], "does not list all"), ({}, "no list"), ([1], "no list")):
        write_json(tmp_path / "out" / IMAGES, names)
        with pytest.raises(UserError, match=message):
            image_paths(store)
    store.columns["image"] = Ragged(np.zeros(6, np.int32), np.array([0, 2, 2, 3, 4, 5, 6]))
    with pytest.raises(UserError, match="holds no captions"):
        image_numbers(store)


def test_flickr8k(real_data, tmp_path: Path) -> None:
    captioned = read_captions(real_data("flickr8k"), split="val")
    texts = [text for one in captioned for text in one.captions]
    tokenizer = Tokenizer.train(texts, TextConfig(vocab_size=1000, lowercase=True))
    report = prepare_captions(captioned, tokenizer, tmp_path / "out")
    assert report == CaptionReport(1000, 5000)
    store = Store.open(tmp_path / "out")
    assert np.bincount(image_numbers(store)).tolist() == [5] * 1000
    assert image_paths(store) == [one.image for one in captioned]
    assert store.texts("target_text", range(5000)) == texts
