import numpy as np
import torch
from models import VOCAB

from seqgen.model.build import ModelConfig, build_seq2seq
from seqgen.model.decoder import DecoderConfig
from seqgen.model.language import LanguageStepper

FEED = 4


def stepper() -> LanguageStepper:
    config = DecoderConfig(embedding_dim=8, hidden_dim=12, attention="none")
    return LanguageStepper(build_seq2seq(ModelConfig("", decoder=config), 0, VOCAB, 3).eval(), FEED)


def test_beginnings_of_any_length_are_read_as_if_stepped_through():
    model, prompts = stepper(), [[], [7, 5, 9], [6]]
    first, after, _ = model.step(np.full(3, FEED), model.start(prompts))
    following = np.array([8, 8, 5])
    second, _, _ = model.step(following, after)
    for row, prompt in enumerate(prompts):
        state = model.decoder.start(None, 1)
        with torch.no_grad():
            for token in [FEED, *prompt]:
                log_probs, state, _ = model.decoder.step(torch.tensor([token]), state)
            torch.testing.assert_close(first[row], log_probs[0])
            log_probs, _, _ = model.decoder.step(torch.from_numpy(following[row : row + 1]), state)
        torch.testing.assert_close(second[row], log_probs[0])


def test_rows_can_be_moved_before_and_after_the_first_step():
    model, order = stepper(), np.array([1, 0, 1])
    start, tokens = model.start([[7], [8, 9]]), np.array([5, 6, 7])
    moved = model.select(start, order)
    one, state, _ = model.step(tokens, moved)
    other, kept, _ = model.step(tokens[:2], start)
    assert torch.equal(one, other[order])
    again, _, _ = model.step(tokens, model.select(kept, order))
    assert torch.equal(model.step(tokens, state)[0], again)
