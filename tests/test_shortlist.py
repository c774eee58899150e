from collections import defaultdict
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pairs import WORDS, write_pairs

from seqgen.data import shortlist
from seqgen.data.prepare import PairFiles, read_pairs
from seqgen.data.shortlist import Shortlist, _cells, _translations
from seqgen.errors import UserError
from seqgen.text import EOS, TextConfig, Tokenizer

rows = st.lists(st.integers(0, 4), min_size=1, max_size=4)


@pytest.fixture
def pairs(tmp_path):
    files = PairFiles(*write_pairs(tmp_path, "train", 300, 1))
    return lambda: read_pairs(files)


@pytest.fixture
def cutters(pairs):
    sides = zip(*pairs(), strict=True)
    return [Tokenizer.train(side, TextConfig("word", 40)) for side in sides]


@given(st.lists(st.tuples(rows, rows), min_size=1, max_size=6))
@settings(deadline=None)
def test_the_table_is_that_of_model_1(pairs):
    """As the paper has it, in plain dictionaries."""
    table = defaultdict(lambda: 1.0)
    for _ in range(4):
        counts, totals = defaultdict(float), defaultdict(float)
        for source, target in pairs:
            for word in target:
                whole = sum(table[one, word] for one in source)
                for one in source:
                    counts[one, word] += table[one, word] / whole
                    totals[one] += table[one, word] / whole
        table = {key: count / totals[key[0]] for key, count in counts.items()}
        table = defaultdict(lambda: 1.0, table)
    keys, found = _translations(*_cells(pairs), 5)
    for key, probability in zip(keys.tolist(), found, strict=True):
        assert probability == pytest.approx(table[divmod(key, 5)])
    assert len(keys) == len(table)


def test_words_come_with_their_translations(pairs, cutters):
    source, target = cutters
    found = Shortlist.learn(pairs, source, target, candidates=1, always=1)
    for word, other in WORDS.items():
        (token,), (expected,) = source.encode([word])[0], target.encode([other])[0]
        allowed = found.allowed([token])
        assert {EOS, expected} <= set(allowed.tolist()) and len(allowed) <= 3
        assert (np.diff(allowed) > 0).all()


def test_a_token_never_seen_may_become_anything(pairs, cutters):
    source, target = cutters
    found = Shortlist.learn(pairs, source, target, candidates=2, always=2)
    seen = source.encode(["dog"])[0]
    assert len(found.allowed(seen)) < target.size
    assert found.allowed([*seen, EOS]).tolist() == list(range(target.size))
    assert found.allowed([]).tolist() == sorted({*found.always.tolist(), EOS})


def test_of_many_pairs_a_sample_is_enough(pairs, cutters, monkeypatch):
    monkeypatch.setattr(shortlist, "_MOST_CELLS", 300)
    whole = sum(len(one.split()) * len(other.split()) for one, other in pairs())
    used = []
    cells = shortlist._cells
    monkeypatch.setattr(shortlist, "_cells", lambda rows: used.append(cells(rows)) or used[0])
    some = lambda: chain.from_iterable((pair, ("", "")) for pair in pairs())  # noqa: E731
    found = Shortlist.learn(some, *cutters, candidates=2)
    assert 100 < len(used[0][0]) < 600 < whole
    (token,) = cutters[1].encode(["hund"])[0]
    assert token in found.allowed(cutters[0].encode(["dog"])[0])


def test_it_is_kept_and_refused_for_other_tokens(pairs, cutters, tmp_path):
    found, path = Shortlist.learn(pairs, *cutters), tmp_path / "list"
    found.save(path, *cutters)
    other = Shortlist.open(path, *cutters)
    assert other.size == found.size
    for name in ("always", "starts", "tokens"):
        assert np.array_equal(getattr(other, name), getattr(found, name))
    with pytest.raises(UserError, match="other tokens"):
        Shortlist.open(path, *reversed(cutters))
    replace(found, starts=found.starts[:-1]).save(path, *cutters)
    with pytest.raises(UserError, match="no shortlist"):
        Shortlist.open(path, *cutters)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="no shortlist"):
        Shortlist.open(path, *cutters)


def test_what_cannot_be_learned_is_refused(cutters):
    with pytest.raises(UserError, match="no pairs"):
        Shortlist.learn(lambda: [("", "")], *cutters)
    with pytest.raises(UserError, match="1 or more"):
        Shortlist.learn(lambda: [("dog", "hund")], *cutters, candidates=0)
