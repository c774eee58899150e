from typing import get_args

import numpy as np
import pytest
import torch
from good_encoders import SpelledEncoder
from hypothesis import given
from hypothesis import strategies as st

from seqgen.data.words import LONGEST, Lexicon, word_arrays
from seqgen.errors import UserError
from seqgen.model.inputs import word_batch
from seqgen.model.words import Reader, WordEncoder
from seqgen.testing import check_encoder
from seqgen.text import EOS, PAD, UNK, TextConfig

SENTENCES = [["The", "dog", "sleeps"], ["the", "cat", "sees", "the", "dog"], ["Sing"]]


@pytest.fixture(scope="module")
def lexicon():
    words = TextConfig("word", 50, lowercase=True)
    return Lexicon.train(lambda: SENTENCES, words, TextConfig("char", 60))


def test_a_word_is_one_id_and_its_characters(lexicon):
    one, other = lexicon.encode([["The", "dog", "dog"], ["THE", "cow"]])
    assert one.tokens[1] == one.tokens[2] != UNK and one.tokens[0] == other.tokens[0] != UNK
    assert other.tokens[1] == UNK
    pieces = ["".join(lexicon.characters.pieces(row)) for row in one.spellings]
    assert pieces == ["▁The</s>", "▁dog</s>", "▁dog</s>"]


@pytest.mark.parametrize("odd", ["", " ", "the dog", "▁", "\u200b", "日本", "a" * 5000, "\t", "\0"])
def test_whatever_a_word_is_it_has_one_id_and_a_spelling(lexicon, odd):
    (row,) = lexicon.encode([[odd, "dog"]])
    assert len(row.tokens) == len(row.spellings) == 2 and row.tokens[0] == UNK
    assert row.spellings[0][-1] == EOS and len(row.spellings[0]) <= LONGEST + 1
    assert PAD not in row.spellings[0]


def test_of_a_long_word_its_beginning_and_end_are_read(lexicon):
    (row,) = lexicon.encode([["the" + "n" * 200 + "sing", "the" + "n" * 900 + "sing"]])
    assert row.spellings[0] == row.spellings[1]
    text = "".join(lexicon.characters.pieces(row.spellings[0]))
    assert text.startswith("▁the") and text.endswith("sing</s>")


@given(st.lists(st.lists(st.sampled_from(["dog", "cat", "the", "x"]), min_size=1), min_size=1))
def test_arrays_hold_each_spelling_once(lexicon, sentences):
    tokens, lengths, spelled, spellings = word_arrays(lexicon.encode(sentences))
    assert lengths.tolist() == list(map(len, sentences))
    assert len(spellings) == len({word for one in sentences for word in one})
    for row, words in enumerate(lexicon.encode(sentences)):
        assert tokens[row, : lengths[row]].tolist() == words.tokens
        assert (tokens[row, lengths[row] :] == PAD).all()
        for place, letters in enumerate(words.spellings):
            found = spellings[spelled[row, place]]
            assert found[found != PAD].tolist() == letters


READERS = get_args(Reader)
SMALL = {"embedding_dim": 6, "character_dim": 5, "spelling_dim": 4, "hidden_dim": 7}


def encoder(lexicon, **options):
    torch.manual_seed(3)
    made = WordEncoder(lexicon.words.size, lexicon.characters.size, **{**SMALL, **options})
    return made.double().eval()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("spelling", [{"spelling_dim": 0}, {}, {"reader": "cnn"}])
def test_a_sentence_is_read_alike_in_any_batch(lexicon, cell, layers, spelling):
    model = encoder(lexicon, cell=cell, layers=layers, **spelling)
    rows = lexicon.encode([*SENTENCES, ["the", "unheard-of", "cat"]])
    whole = model(word_batch(rows))
    assert whole.states.shape == (4, 5, model.output_dim)
    assert not whole.states[~whole.mask].any()
    for index, row in enumerate(rows):
        alone = model(word_batch([row]))
        states = whole.states[index, : len(row.tokens)]
        torch.testing.assert_close(states, alone.states[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(whole.summary[index], alone.summary[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("reader", READERS)
def test_spelling_tells_unknown_words_apart_and_context_equal_ones(lexicon, reader):
    model = encoder(lexicon, reader=reader)
    rows = lexicon.encode([["the", "zog"], ["the", "zig"], ["cat", "zog"]])
    states = model(word_batch(rows)).states[:, 1]
    assert not torch.allclose(states[0], states[1]) and not torch.allclose(states[0], states[2])
    blind = encoder(lexicon, spelling_dim=0)(word_batch(rows)).states[:, 1]
    assert torch.allclose(blind[0], blind[1]) and not torch.allclose(blind[0], blind[2])


@pytest.mark.parametrize("reader", READERS)
def test_a_spelling_is_read_to_both_ends(lexicon, reader):
    """Each character changes the vector, the first and the last included."""
    model = encoder(lexicon, reader=reader).spelling
    words = ["dog", "sog", "deg", "dot"]
    batch = word_batch(lexicon.encode([words])).spellings
    vectors = model(batch)
    for other in vectors[1:]:
        assert (vectors[0] - other).abs().max() > 1e-3


def test_windows_of_three_and_the_maximum_over_a_word(lexicon):
    """As torch's own convolution finds it, a word at a time."""
    model = encoder(lexicon, reader="cnn").spelling
    batch = word_batch(lexicon.encode([["a", "dog", "sleeps"]])).spellings
    weight, bias = model.windows.filters.weight, model.windows.filters.bias
    weight = weight.view(len(bias), 3, -1).mT
    for found, tokens, real in zip(model(batch), batch.tokens, batch.mask, strict=True):
        characters = model.embed(tokens[real]).mT
        expected = torch.conv1d(characters, weight, bias, padding=1).amax(1)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("reader", READERS)
def test_each_reader_keeps_the_rules_of_encoders(reader):
    check_encoder(SpelledEncoder, reader=reader)


def test_there_are_two_readers(lexicon):
    with pytest.raises(UserError, match="no reader 'eye'; choose of rnn, cnn"):
        encoder(lexicon, reader="eye")


def test_the_embedding_of_unknown_words_is_trained_by_hiding_words(lexicon):
    batch = word_batch(lexicon.encode(SENTENCES))
    for rate in (0.0, 0.5):
        model = encoder(lexicon, word_dropout=rate, dropout=0.0).train()
        model(batch).states.sum().backward()
        assert bool(model.embed.weight.grad[UNK].any()) == (rate > 0)
        assert not model.embed.weight.grad[PAD].any()


def test_only_training_hides_words(lexicon):
    model, batch = (
        encoder(lexicon, word_dropout=0.9, dropout=0.5),
        word_batch(lexicon.encode(SENTENCES)),
    )
    assert torch.equal(model(batch).states, model(batch).states)
    model.train()
    assert not torch.equal(model(batch).states, model(batch).states)


def test_lexicons_are_equal_if_they_do_the_same(lexicon):
    words = TextConfig("word", 50, lowercase=True)
    again = Lexicon.train(lambda: SENTENCES, words, TextConfig("char", 60))
    other = Lexicon.train(lambda: SENTENCES[:1], words, TextConfig("char", 60))
    assert again == lexicon != other and hash(again) == hash(lexicon)
    assert np.array_equal(*(word_arrays(one.encode(SENTENCES))[3] for one in (again, lexicon)))
