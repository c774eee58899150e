import itertools

import numpy as np
import pytest
import torch
from models import batch, small

from seqgen.search.step import Hypothesis
from seqgen.training.critical import advantages, critical_loss, draw_samples


def hypothesis(tokens, finished=True):
    count = len(tokens) + finished
    return Hypothesis(tuple(tokens), 0.0, 0.0, (0.0,) * count, None, finished)


def test_an_advantage_is_what_a_sample_has_over_the_mean_of_the_others():
    rewards = np.array([[1.0, 2.0, 6.0], [3.0, 3.0, 3.0]])
    assert advantages(rewards).tolist() == [[-3.0, -1.5, 4.5], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_loss_is_the_weighted_log_likelihood_of_the_samples(temperature):
    model, source = small(), batch([4, 2])
    samples = [
        [hypothesis([5, 6]), hypothesis([7])],
        [hypothesis([8, 9, 10], finished=False), hypothesis([])],
    ]
    rewards = np.array([[1.0, 0.25], [0.0, 2.0]])
    loss, count = critical_loss(model, model.encode(source), samples, rewards, temperature)
    assert count == 3 + 2 + 4 + 1
    expected = torch.zeros((), dtype=torch.float64)
    for row, best in enumerate(samples):
        memory = model.encode(source).select(torch.tensor([row]))
        for found, advantage in zip(best, advantages(rewards)[row], strict=True):
            logits = model.decoder(memory, torch.tensor([[2, *found.tokens]]))
            outputs = [*found.tokens, 3] if found.finished else [*found.tokens]
            chosen = torch.log_softmax(logits[0] / temperature, -1)[range(len(outputs)), outputs]
            expected -= advantage * chosen.sum()
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_its_gradient_is_that_of_the_expected_reward(temperature):
    """Over all pairs of outputs of one token, each as often as it is drawn."""
    model, source = small(), batch([3])
    bias, size = model.decoder.output.bias, model.decoder.output.weight.shape[0]
    reward = np.random.default_rng(1).random(size)
    logits = model.decoder(model.encode(source), torch.tensor([[2]]))[0, 0]
    probs = torch.softmax(logits / temperature, -1)
    expected = torch.autograd.grad(-(probs * torch.from_numpy(reward)).sum(), bias)[0]
    probs, found = probs.tolist(), torch.zeros_like(bias)
    for one, other in itertools.product(range(size), repeat=2):
        pair = [[hypothesis([one], finished=False), hypothesis([other], finished=False)]]
        rewards = reward[[[one, other]]]
        loss, _ = critical_loss(model, model.encode(source), pair, rewards, temperature)
        found += probs[one] * probs[other] * torch.autograd.grad(loss, bias)[0]
    torch.testing.assert_close(found / 2, expected)  # a loss sums over both samples


def test_samples_are_a_function_of_the_seed_and_leave_the_mode_alone():
    model, source = small().train(), batch([4, 2, 3])
    limits = np.array([6, 6, 6])
    found = [draw_samples(model, source, limits, 4, seed) for seed in (1, 1, 2)]
    assert model.training
    assert found[0] == found[1] != found[2]
    assert [len(best) for best in found[0]] == [4, 4, 4]
    cold = draw_samples(model, source, limits, 4, 1, 0.001)
    assert all(len({h.tokens for h in best}) == 1 for best in cold)  # the most probable one


def test_it_makes_what_is_rewarded_likelier():
    """The reward is to write token 5 and nothing else; the model comes to do that."""
    torch.manual_seed(0)
    model, source = small(torch.float32).train(), batch([3, 3])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    means = []
    for seed in range(60):
        found = draw_samples(model, source, np.array([4, 4]), 16, seed)
        rewards = np.array(
            [[2.0 * (5 in h.tokens) - len(h.tokens) for h in best] for best in found]
        )
        means.append(rewards.mean())
        loss, count = critical_loss(model, model.encode(source), found, rewards)
        optimizer.zero_grad()
        (loss / count).backward()
        optimizer.step()
    first, last = np.mean(means[:5]), np.mean(means[-5:])
    assert last > first + 1.0


@pytest.mark.parametrize("finished", [True, False])
def test_an_unfinished_sample_has_no_end_to_learn(finished):
    """The gradient on the logits of EOS after the sample is there only if the sample ended."""
    model, source = small(), batch([3])
    samples = [[hypothesis([5, 6], finished), hypothesis([7])]]
    bias = model.decoder.output.bias
    losses = [
        critical_loss(model, model.encode(source), samples, np.array([[reward, 0.0]]))[0]
        for reward in (1.0, 0.0)
    ]
    one, other = (torch.autograd.grad(loss, bias)[0] for loss in losses)
    total = (one - other).sum().item()  # softmax minus one-hot sums to 0 at each position
    assert total == pytest.approx(0.0, abs=1e-12)
    memory = model.encode(source)
    logits = model.decoder(memory, torch.tensor([[2, 5, 6]]))
    rows = [torch.softmax(logits[0, t], -1) for t in range(3 if finished else 2)]
    hits = [5, 6, 3][: len(rows)]
    expected = sum(row[3].item() for row in rows) - hits.count(3)
    others = torch.softmax(model.decoder(memory, torch.tensor([[2, 7]]))[0], -1)
    assert (one - other)[3].item() == pytest.approx(expected - (others[:, 3].sum().item() - 1))


def test_all_pairs_of_equal_rewards_teach_nothing():
    model, source = small(), batch([3, 2])
    for a, b in itertools.product([[5], [6, 7]], repeat=2):
        samples = [[hypothesis(a), hypothesis(b)]] * 2
        loss, _ = critical_loss(model, model.encode(source), samples, np.ones((2, 2)))
        assert loss.item() == 0.0
