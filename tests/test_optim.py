import math

import pytest
import torch
from torch import nn

from seqgen.training.optim import (
    WeightAverage,
    learning_rate,
    make_optimizer,
    scale_and_clip,
    set_rate,
)


def test_schedules_rise_over_the_warmup_and_fall_as_they_say():
    def rate(step, schedule, drops=0, spent=0.0):
        return learning_rate(step, 2.0, schedule, 10, 110, drops, spent)

    for schedule in ("cosine", "clock", "inverse_sqrt", "plateau", "constant"):
        assert [rate(s, schedule) for s in range(10)] == pytest.approx(
            [0.2 * (s + 1) for s in range(10)]
        )
    assert rate(60, "cosine") == pytest.approx(2.0 * (0.02 + 0.98 / 2))
    assert rate(110, "cosine") == rate(500, "cosine") == pytest.approx(0.04)
    assert rate(60, "cosine", spent=1.0) == rate(60, "cosine")
    assert rate(60, "clock", spent=0.3) == rate(60, "cosine")
    assert rate(60, "clock", spent=0.8) == pytest.approx(rate(90, "cosine"))
    assert rate(60, "clock", spent=1.5) == pytest.approx(0.04)
    assert rate(39, "inverse_sqrt") == pytest.approx(1.0)
    assert rate(50, "plateau", drops=3) == 0.25
    assert rate(50, "constant", drops=3) == 2.0


@pytest.mark.parametrize(("most", "shrinks"), [(0.5, True), (100.0, False)])
def test_gradients_are_scaled_then_clipped_to_the_norm(most, shrinks):
    parameters = [nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2, 2))]
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, 6.0)
    norm = scale_and_clip(parameters, 0.5, most)
    assert norm.item() == pytest.approx(3.0 * math.sqrt(7))
    after = torch.cat([p.grad.reshape(-1) for p in parameters])
    assert after.norm().item() == pytest.approx(most if shrinks else norm.item(), rel=1e-5)
    assert torch.equal(after, after[:1].expand(7))


def test_the_average_follows_its_recurrence_and_steps_aside():
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(0.0)
    average = WeightAverage(layer, decay=0.9)
    expected = 0.0
    for update in range(1, 200):
        layer.weight.data.fill_(float(update))
        average.update()
        decay = min(0.9, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * update
    with average.applied():
        assert layer.weight.item() == pytest.approx(expected, rel=1e-5)
    assert layer.weight.item() == 199.0


def test_no_average_leaves_the_weights():
    layer = nn.Linear(2, 2)
    average = WeightAverage(layer, decay=0.0)
    before = layer.weight.clone()
    average.update()
    with average.applied():
        assert torch.equal(layer.weight, before)


def test_gradient_descent_is_its_formula_and_decays_matrices_alone():
    layer = nn.Linear(2, 1)
    layer.weight.data.fill_(2.0)
    layer.bias.data.fill_(2.0)
    optimizer = make_optimizer(layer, 0.1, kind="sgd")
    set_rate(optimizer, 0.5)
    for parameter in layer.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    assert layer.weight.tolist() == [pytest.approx([2.0 - 0.5 * (1.0 + 0.1 * 2.0)] * 2)]
    assert layer.bias.tolist() == [pytest.approx(2.0 - 0.5)]
