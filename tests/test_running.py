import math

import numpy as np
import pytest
import torch
from models import VOCAB

from seqgen.model.decoder import Decoder, DecoderConfig
from seqgen.scoring import running
from seqgen.scoring.measure import Measure, stream_nats
from seqgen.scoring.running import stream_log_probs

FEED = 4


def decoder(seed: int = 1, **options: object) -> Decoder:
    torch.manual_seed(seed)
    config = DecoderConfig(embedding_dim=8, hidden_dim=12, attention="none", **options)
    return Decoder(VOCAB, None, config).double().eval()


def a_stream(length: int) -> np.ndarray:
    return np.random.default_rng(0).integers(4, VOCAB, length).astype(np.uint16)


def in_one_piece(model: Decoder, stream: np.ndarray) -> torch.Tensor:
    """Teacher forcing of the whole text at once."""
    tokens = torch.tensor([[FEED, *stream.tolist()]])
    log_probs = torch.log_softmax(model(None, tokens[:, :-1]), -1)
    return log_probs.gather(-1, tokens[:, 1:, None])[0, :, 0].detach()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_windows_give_what_one_piece_gives(cell, monkeypatch):
    monkeypatch.setattr(running, "WINDOW", 7)
    model, stream = decoder(cell=cell), a_stream(40)
    found = torch.cat([torch.from_numpy(part[0]) for part in stream_log_probs(model, stream, FEED)])
    torch.testing.assert_close(found, in_one_piece(model, stream))


def test_rows_side_by_side_score_every_token_once_in_context(monkeypatch):
    monkeypatch.setattr(running, "_FEWEST", 290)
    model, stream = decoder(), a_stream(1000)
    parts = [torch.from_numpy(p) for p in stream_log_probs(model, stream, FEED, most_rows=16)]
    assert [len(part) for part in parts] == [3, 3, 1]
    assert sum(part.numel() for part in parts) == 1000
    expected = in_one_piece(model, stream)
    rows = torch.cat(parts[:2], 1).flatten()
    torch.testing.assert_close(torch.cat([rows, parts[2][0]]), expected, atol=1e-6, rtol=0)
    assert stream_nats([iter(part.numpy() for part in parts)]) == pytest.approx(
        -expected.sum().item(), abs=1e-6
    )


def test_several_models_are_their_mean_probability():
    models, stream = [decoder(1), decoder(2)], a_stream(30)
    each = torch.stack([in_one_piece(model, stream) for model in models])
    expected = -each.exp().mean(0).log().sum().item()
    found = [stream_log_probs(model, stream, FEED) for model in models]
    assert stream_nats(found) == pytest.approx(expected)


def test_a_model_that_knows_nothing_has_the_perplexity_of_its_vocabulary():
    measure = Measure(10 * math.log(32), tokens=10, characters=20)
    assert measure.perplexity == pytest.approx(32)
    assert measure.bits_per_character == pytest.approx(2.5)
    assert [metric.value for metric in measure.metrics()] == pytest.approx([2.5, 32])
    assert measure.metrics()[0].signature == "over:characters|tokens:10|chars:20|state:carried"
