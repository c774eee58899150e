import numpy as np
import pytest
import torch

from seqgen.model.decoder import Decoder, DecoderConfig
from seqgen.model.stepper import LogProbs
from seqgen.search.top import top


@pytest.mark.parametrize("rows", [1, 80, 241, 700])
def test_the_best_of_pieces_are_those_of_all_rows(rows):
    torch.manual_seed(1)
    config = DecoderConfig(embedding_dim=8, hidden_dim=8, attention="none")
    decoder = Decoder(500, None, config).double().eval()
    lazy = LogProbs(decoder, torch.randn(rows, 8, dtype=torch.double))
    whole = np.asarray(lazy)
    np.testing.assert_allclose(np.exp(whole).sum(1), 1.0)
    assert np.asarray(lazy, np.float32).dtype == np.float32
    for found, expected in zip(lazy.top(6), top(whole, 6), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
