import torch

from seqgen.model.build import ModelConfig, build_seq2seq
from seqgen.model.decoder import DecoderConfig
from seqgen.model.memory import ValueBatch
from seqgen.model.value import EmbeddingEncoder


def test_the_memory_of_a_value_is_its_vector_in_one_place():
    encoder = EmbeddingEncoder(5, width=6, dropout=0.5).eval()
    memory = encoder(ValueBatch(torch.tensor([4, 0, 4])))
    assert memory.states.shape == (3, 1, 6) and memory.mask.all()
    assert torch.equal(memory.summary, encoder.embed.weight[[4, 0, 4]])
    assert torch.equal(memory.states[:, 0], memory.summary)


def test_a_decoder_writes_from_it_in_steps_as_under_teacher_forcing():
    config = ModelConfig(
        "seqgen.model.value:EmbeddingEncoder",
        {"width": 6},
        DecoderConfig(embedding_dim=8, hidden_dim=12),
        tied_embeddings=False,
    )
    model = build_seq2seq(config, 5, 9, 1).double().eval()
    batch, tokens = ValueBatch(torch.tensor([1, 3])), torch.tensor([[2, 5, 7], [2, 8, 8]])
    expected = torch.log_softmax(model(batch, tokens), -1)
    assert not torch.allclose(expected[0, 0], expected[1, 0])  # the value counts
    state = model.decoder.start(model.encode(batch), 2)
    for place in range(3):
        log_probs, state, attention = model.decoder.step(tokens[:, place], state)
        torch.testing.assert_close(log_probs, expected[:, place])
        assert attention.tolist() == [[1.0], [1.0]]
