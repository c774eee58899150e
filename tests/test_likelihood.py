import math

import pytest
import torch
from models import VOCAB, batch, row, small

from seqgen.scoring.likelihood import perplexity, token_log_probs
from seqgen.text import BOS, EOS


@pytest.mark.parametrize("attention", ["general", "mlp", "none"])
def test_equals_the_steps_one_by_one_whatever_the_batch(attention):
    model, source = small(attention=attention), batch([4, 1, 6])
    targets = [[5, 9, 4], [], [7, 7, 7, 8, 20]]
    found = token_log_probs(model, source, targets)
    for i, target in enumerate(targets):
        with torch.no_grad():
            state = model.decoder.start(model.encode(row(source, i)), 1)
            expected = []
            for before, token in zip([BOS, *target], [*target, EOS], strict=True):
                log_probs, state, _ = model.decoder.step(torch.tensor([before]), state)
                expected.append(log_probs[0, token].item())
        assert found[i] == pytest.approx(expected, abs=1e-12)


def test_perplexity_of_even_odds_is_the_number_of_choices():
    even = math.log(1 / VOCAB)
    assert perplexity([(even, even), (), (even,)]) == pytest.approx(VOCAB)
