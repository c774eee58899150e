import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import VOCAB, batch, row

from seqgen.errors import UserError
from seqgen.model.heads import (
    ClassifierHead,
    ClassifierHeadConfig,
    ClassifierModelConfig,
    TaggerHead,
    TaggerModelConfig,
    build_classifier,
    build_tagger,
)
from seqgen.model.memory import Memory

POOLINGS = ["summary", "last", "mean", "max", "attention"]


def model(pooling="max", **head):
    options = {"embedding_dim": 8, "hidden_dim": 6, "layers": 2}
    config = ClassifierModelConfig(
        encoder_options=options, head=ClassifierHeadConfig(pooling, **head)
    )
    built = build_classifier(config, VOCAB, 3, seed=1).double().eval()
    for parameter in built.parameters():  # far from uniform, and the attention's question asked
        parameter.data = 2.0 * parameter.data + 0.1
    return built


@pytest.mark.parametrize("hidden", [0, 5])
@pytest.mark.parametrize("pooling", POOLINGS)
@settings(deadline=None, max_examples=15)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_a_batch_gives_what_its_rows_give_alone(pooling, hidden, lengths, seed):
    classifier, whole = model(pooling, hidden_dim=hidden), batch(lengths, seed)
    logits = classifier(whole)
    assert logits.shape == (len(lengths), 3)
    for i in range(len(lengths)):
        torch.testing.assert_close(logits[i : i + 1], classifier(row(whole, i)))


def test_what_each_pooling_reads():
    states = torch.tensor([[[1.0, 8.0], [3.0, 2.0], [99.0, 99.0]]])
    memory = Memory(states, torch.tensor([[True, True, False]]), torch.tensor([[7.0, 7.0]]))
    read = {
        pooling: ClassifierHead(2, 2, ClassifierHeadConfig(pooling)).pool(memory).tolist()[0]
        for pooling in POOLINGS
    }
    assert read == {
        "summary": [7, 7], "last": [3, 2, 1, 8], "mean": [2, 5], "max": [3, 8],
        "attention": [2, 5],  # before it has learned what to look for
    }  # fmt: skip


def test_attention_finds_the_place_that_it_asks_for():
    head = ClassifierHead(2, 2, ClassifierHeadConfig("attention")).double()
    head.attention.key.weight.data = torch.eye(2).double()
    head.query.data = torch.tensor([0.0, 900.0]).double()
    states = torch.tensor([[[1.0, 8.0], [3.0, 2.0]], [[5.0, 1.0], [4.0, 6.0]]]).double()
    memory = Memory(states, torch.ones(2, 2, dtype=torch.bool), states[:, 0])
    assert head.pool(memory).tolist() == [[1, 8], [4, 6]]


def test_weights_are_a_function_of_the_seed_and_learn():
    one, same, other = (
        build_classifier(ClassifierModelConfig(), VOCAB, 3, seed) for seed in (1, 1, 2)
    )
    assert one.head.output.weight.equal(same.head.output.weight)
    assert not one.head.output.weight.equal(other.head.output.weight)
    for pooling in POOLINGS:
        learner = model(pooling).train()
        learner(batch([3, 5])).logsumexp(-1).sum().backward()
        assert all(p.grad is not None and p.grad.any() for p in learner.head.parameters())


@pytest.mark.parametrize("options", [{"hidden_dim": -1}, {"dropout": 1.0}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        ClassifierHeadConfig(**options)


def test_an_encoder_that_returns_something_else_is_named():
    classifier = model()
    classifier.encoder = torch.nn.Identity()
    with pytest.raises(UserError, match="Identity: the encoder returned TextBatch"):
        classifier(batch([2]))


def test_a_tagger_labels_each_position_by_itself():
    head = TaggerHead(8, 5).double()
    states = torch.randn(2, 3, 8, dtype=torch.float64)
    mask = torch.ones(2, 3, dtype=torch.bool)
    logits = head(Memory(states, mask, states.mean(1)))
    assert logits.shape == (2, 3, 5)
    alone = head(Memory(states[:1, 1:2], mask[:1, :1], states[:1, 1]))
    torch.testing.assert_close(logits[0, 1], alone[0, 0])


def test_a_tagger_is_a_function_of_its_seed_and_of_its_sizes():
    options = {"embedding_dim": 4, "character_dim": 4, "spelling_dim": 3, "hidden_dim": 5}
    config = TaggerModelConfig(encoder_options=options)
    one, same, other = (build_tagger(config, 20, 12, 6, seed) for seed in (1, 1, 2))
    assert one.head.output.weight.shape == (6, 10)
    pairs = zip(one.parameters(), same.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(one.head.output.weight, other.head.output.weight)
    with pytest.raises(UserError, match="its options are embedding_dim, character_dim"):
        build_tagger(TaggerModelConfig(encoder_options={"size": 3}), 20, 12, 6, 1)
