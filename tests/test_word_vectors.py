import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.data.word_vectors import (
    WordVectors,
    read_word_vectors,
    vector_table,
    with_words,
    write_word_vectors,
)
from seqgen.errors import UserError
from seqgen.text import UNK, TextConfig, Tokenizer

WORDS = TextConfig("word", 8, lowercase=True)
OWN = Tokenizer.train(["The cat sat", "the cat", "a rare dog"], WORDS)
MORE = ["THE", "zebra", "ﬁn", "new york", "Zebra", "dog", "dog"]


def pieces(tokenizer):
    return tokenizer.pieces(range(tokenizer.size))


@settings(deadline=None, max_examples=25)
@given(rows=st.lists(st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=3), min_size=1))
def test_what_is_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("vectors") / "some.txt"
    words = [f"w{i}" for i in range(len(rows))]
    write_word_vectors(path, words, np.array(rows, np.float32))
    found = read_word_vectors(path)
    assert found.words == words
    np.testing.assert_allclose(found.vectors, rows, rtol=1e-4)


def test_files_of_word2vec_and_gzipped_ones_and_words_with_spaces(tmp_path):
    (tmp_path / "v.txt").write_text("3 2\nthe 1 2\n. . . -1e-1 0\n7 5 6 \n")
    found = read_word_vectors(tmp_path / "v.txt")
    assert found.words == ["the", ". . .", "7"]
    np.testing.assert_allclose(found.vectors, [[1, 2], [-0.1, 0], [5, 6]], rtol=1e-6)
    (tmp_path / "v.txt.gz").write_bytes(gzip.compress((tmp_path / "v.txt").read_bytes()))
    assert read_word_vectors(tmp_path / "v.txt.gz").words == found.words


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "v.txt: has no word vectors"),
        ("3 2\n", "v.txt: has no word vectors"),
        ("the\n", "line 1: has no word with numbers"),
        ("the 1 2\ncat 1\n", "line 2: has no word with 2 numbers"),
        ("the 1 2\n1 2\n", "line 2: has no word with 2 numbers"),
        ("the 1 2\ncat 1 two\n", "line 2: has something that is no number"),
        ("the 1 nan\n", "line 1: has NaN"),
        ("the 1 1e99\n", "line 1: has NaN, infinity or a number too large"),
    ],
)
def test_a_bad_file_is_told_with_its_line(tmp_path, text, message):
    (tmp_path / "v.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        read_word_vectors(tmp_path / "v.txt")


def test_a_tokenizer_keeps_its_words_first_and_gets_more():
    every = with_words(OWN, WORDS, MORE)
    own, found = pieces(OWN), pieces(every)
    assert sorted(found[: OWN.size]) == sorted(own)
    assert set(found[OWN.size :]) == {"▁zebra", "▁dog", "▁fin", "▁new", "▁york"} - set(own)
    assert every.lowercase and every.encode(["ZEBRA the"]) == every.encode(["zebra The"])


def test_a_table_has_the_vectors_of_the_words_and_zeros_elsewhere():
    every = with_words(OWN, WORDS, MORE)
    vectors = np.arange(1, 15, dtype=np.float32).reshape(7, 2)
    table = vector_table(every, WordVectors(MORE, vectors))
    the, zebra, dog = (row[0] for row in every.encode(["the", "zebra", "dog"]))
    size = np.sqrt(np.mean(np.square(np.concatenate([vectors[i] for i in (0, 1, 2, 5)]))))
    np.testing.assert_allclose(table[[the, zebra, dog]] * size, vectors[[0, 1, 5]], rtol=1e-6)
    assert not table[UNK].any() and not table[every.find("▁cat")].any()
    assert np.count_nonzero(table.any(1)) == 4  # of the two that are one word the first


def test_vectors_of_no_word_are_refused():
    with pytest.raises(UserError, match="only zeros"):
        vector_table(OWN, WordVectors(["the"], np.zeros((1, 2), np.float32)))
    with pytest.raises(UserError, match="none of the words"):
        vector_table(OWN, WordVectors(["yeti"], np.ones((1, 2), np.float32)))
