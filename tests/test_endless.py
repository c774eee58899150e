from itertools import islice

import numpy as np
import pytest
from tables import random_table

from seqgen.errors import UserError
from seqgen.search.endless import stream
from seqgen.search.ngram import NGram
from seqgen.search.processors import Ban, ForcedPrefix, NoRepeat, RepetitionPenalty
from seqgen.search.sample import Greedy, Sample
from seqgen.search.step import run


@pytest.mark.parametrize("strategy", [Greedy(), Sample(seed=3), Sample(0.7, top_k=3, seed=1)])
@pytest.mark.parametrize("seed", range(4))
def test_a_stream_gives_what_the_search_gives(strategy, seed):
    table = random_table(seed, inputs=1, vocab=4, length=6, holes=0.1)
    for number in (0, 5):
        steps = strategy.run(table, [0], np.array([5]), rows=np.array([number]))
        (best,) = run(steps)[0]
        table.width = None
        found = tuple(islice(stream(table, [0], strategy, number), 5))
        table.width = None
        assert found == best.tokens


@pytest.mark.parametrize("strategy", [Greedy(), Sample(seed=7, top_k=4)])
@pytest.mark.parametrize(
    "processors",
    [(), (ForcedPrefix((4, 3)), Ban(((1, 2),)), RepetitionPenalty(1.3)), (NoRepeat(3),)],
    ids=len,
)
def test_long_streams_go_on_as_the_search_does(strategy, processors):
    text = np.random.default_rng(1).integers(1, 12, 2000).tolist()
    model = NGram(text, 2, 13, bos=0, eos=12)
    (best,) = run(strategy.run(model, [[1]], np.array([200]), processors, np.array([2])))[0]
    found = tuple(islice(stream(model, [[1]], strategy, 2, processors), 200))
    assert found == best.tokens and len(found) == 200


def test_one_stream_is_one_sample():
    with pytest.raises(UserError, match="one sample"):
        next(stream(NGram([1], 1, 3, 0, 2), [[]], Sample(samples=2)))
