"""Caption tokens, against the outputs of the Treebank's own tokenizer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.scoring.ptb import PUNCTUATION, caption_tokens

# As Stanford's PTBTokenizer 3.4.1 prints them with -lowerCase, less COCO's list of punctuation.
PRINTED = [
    ("A Dog runs .", "a dog runs"),
    ("can't cannot won't isn't I'll he'd they've we're I'm let's", "ca n't can not wo n't is n't i 'll he 'd they 've we 're i 'm let 's"),
    ("it’s don’t DON'T the boys' shirts", "it 's do n't do n't the boys shirts"),
    ("gonna wanna gotta lemme gimme", "gon na wan na got ta lem me gim me"),
    ("o'clock ma'am O'Brien l'eau rock 'n' roll", "o'clock ma'am o'brien l'eau rock 'n' roll"),
    ("a t-shirt, a 5-year-old; black/white 3/4 1990s '90s 50's", "a t-shirt a 5-year-old black/white 3/4 1990s '90s 50 's"),
    ("$5.50 5 % 50,000 5:30 #5 no. 5", "$ 5.50 5 % 50,000 5:30 # 5 no. 5"),
    ("Oh no.", "oh no"),
    ("U.S. a.m. Mr. Potato St. Louis etc. e.g. sign X.", "u.s. a.m. mr. potato st. louis etc. e.g. sign x."),
    ("AT&T R&B Q & A &amp; B", "at&t r&b q & a & b"),
    ("(one) [two] {three}", "-lrb- one -rrb- -lsb- two -rsb- -lcb- three -rcb-"),
    ("\"quoted\" 'single' “curly” ``two''", "quoted single curly two"),
    ("The end... what?! yes!! a - b a--b a – b", "the end what ?! yes !! a b a b a b"),
    ("naïve Straße über 日本", "naïve straße über 日本"),
    ("avrovulcan.com http://www.a.com/x?y=1 a@b.com @user", "avrovulcan.com http://www.a.com/x?y=1 a@b.com @user"),
    ("", ""),
    (" . ", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "printed"), PRINTED)
def test_tokens_are_those_of_the_treebank(text, printed):
    assert " ".join(caption_tokens(text)) == printed


@settings(deadline=None)
@given(st.text(max_size=40))
def test_tokens_hold_no_space_and_no_punctuation(text):
    for token in caption_tokens(text):
        assert token and not any(character.isspace() for character in token)
        assert token not in PUNCTUATION


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "dog", "t-shirt", "runs", "über", "5"]), max_size=9))
def test_plain_words_stay_as_they_are(words):
    assert caption_tokens(" ".join(words)) == words
