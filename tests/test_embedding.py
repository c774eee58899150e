import torch
from torch import nn

from seqgen.model.embedding import Embedding, VectorEmbedding
from seqgen.text import UNK


def test_given_vectors_stand_beside_learned_ones_and_stay():
    torch.manual_seed(1)
    learned = Embedding(5, 6)
    both = VectorEmbedding(learned, 8, 3)
    both.vectors.copy_(torch.randn(8, 3))
    tokens = torch.tensor([[0, 4, 2], [5, 7, 6]])  # of the latter only vectors are known
    given = both.vectors[tokens] @ both.read.weight.T
    expected = torch.stack([learned(tokens[0]), learned(torch.tensor([UNK] * 3))]) + given
    torch.testing.assert_close(both(tokens), expected)
    both(tokens).sum().backward()
    assert {name for name, _ in both.named_parameters()} == {"learned.weight", "read.weight"}
    assert both.read.weight.grad is not None and both.vectors.grad is None


def test_what_vectors_of_variance_one_give_has_variance_one():
    torch.manual_seed(1)
    both = VectorEmbedding(nn.Embedding(4, 200), 2000, 100)
    nn.init.zeros_(both.learned.weight)
    both.vectors.normal_()
    assert 0.9 < both(torch.arange(2000)).var() < 1.1
