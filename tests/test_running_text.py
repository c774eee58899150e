import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.errors import UserError
from seqgen.running_text import TextDecoder, encode_lines, encode_text, line_feed
from seqgen.text import TextConfig, Tokenizer

LINES = ["The cat  sat.\n", "\n", "  on the mat, 3.5 km away\n", "The dog said <unk>!\n"] * 3
KINDS = ("char", "word", "unigram", "bpe")


def tokenizer(kind: str) -> Tokenizer:
    return Tokenizer.train(LINES, TextConfig(kind, 320, byte_fallback=True, exact=True))


TOKENIZERS = {kind: tokenizer(kind) for kind in KINDS}
characters = st.characters(exclude_categories=["Cs"], exclude_characters="▁")
texts = st.text(st.one_of(characters, st.sampled_from("\n  \tThe cat")), max_size=40)


@pytest.mark.parametrize("kind", KINDS)
@given(text=texts)
@settings(max_examples=60, deadline=None)
def test_any_text_comes_back_as_it_was(kind, text):
    tokens = encode_text(TOKENIZERS[kind], text)
    assert "".join(TextDecoder(TOKENIZERS[kind]).decode(tokens)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_known_text_needs_no_bytes(kind):
    tokens = encode_text(TOKENIZERS[kind], "The cat sat.\n")
    assert not any(piece.startswith("<0x") for piece in TOKENIZERS[kind].pieces(tokens))
    assert tokens[-1] == line_feed(TOKENIZERS[kind])
    if kind == "char":
        assert len(tokens) == 13
    if kind == "word":
        assert len(tokens) == 4


def test_the_word_unk_of_a_text_is_a_word():
    """As in PTB, whose rare words it stands for."""
    (token,) = encode_text(TOKENIZERS["word"], "<unk>!")
    assert TOKENIZERS["word"].pieces([token]) == ["▁<unk>!"]


def test_a_character_of_several_bytes_appears_when_it_is_whole():
    decoder, tokens = TextDecoder(TOKENIZERS["char"]), encode_text(TOKENIZERS["char"], "a€b")
    assert [decoder.push(token) for token in tokens] == ["a", "", "", "€", "b"]
    assert [decoder.push(token) for token in tokens[:3]] == ["a", "", ""]
    assert decoder.finish() == "\ufffd"


def test_in_the_midst_of_a_line_the_space_before_a_word_is_text():
    words = TOKENIZERS["word"]
    (row,) = encode_lines(words, ["The cat"])
    assert "".join(TextDecoder(words, fresh=False).decode(row)) == " The cat"


def test_a_tokenizer_that_is_not_exact_is_refused():
    with pytest.raises(UserError, match="line feed"):
        line_feed(Tokenizer.train(["a b"], TextConfig("char", 50)))
