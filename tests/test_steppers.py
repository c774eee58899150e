import random

import numpy as np
import pytest

from seqgen.errors import UserError
from seqgen.running_text import encode_text
from seqgen.scoring.steppers import stepper_log_probs
from seqgen.search.ensemble import Ensemble
from seqgen.search.ngram import NGram

VOCAB, BOS, EOS = 6, 0, 5


def text(length: int) -> list[int]:
    chance = random.Random(length)
    return [chance.randrange(1, 5) for _ in range(length)]


@pytest.mark.parametrize("length", [1, 255, 700, 1000, 1027])
@pytest.mark.parametrize("rows", [1, 3, 64])
def test_stepping_side_by_side_is_looking_it_up(length, rows):
    model = NGram(text(300), 3, VOCAB, BOS, EOS)
    found = stepper_log_probs(model, text(length), rows)
    np.testing.assert_allclose(found, model.score(text(length)), rtol=1e-12)


def test_a_network_and_a_table_and_their_mean_are_scored_alike(tiny_writer):
    whole = "a dog runs.\none bird sings.\n\nthe cat sleeps.\n" * 20
    tokens, end = encode_text(tiny_writer.target, whole), tiny_writer.stepper.eos
    counted = NGram(tokens, 3, tiny_writer.target.size, tiny_writer.stepper.bos, end)
    network = stepper_log_probs(tiny_writer.stepper, tokens, rows=1)
    np.testing.assert_allclose(network, tiny_writer.score([whole])[0], atol=1e-4)
    assert stepper_log_probs(tiny_writer.stepper, tokens).sum() == pytest.approx(
        network.sum(), rel=1e-3
    )
    table = stepper_log_probs(counted, tokens)
    mean = stepper_log_probs(Ensemble([tiny_writer.stepper, counted]), tokens, rows=1)
    np.testing.assert_allclose(mean, np.logaddexp(network, table) - np.log(2), atol=1e-5)


def test_no_text_is_refused():
    with pytest.raises(UserError, match="no text"):
        stepper_log_probs(NGram([1, 2], 2, VOCAB, BOS, EOS), [])
