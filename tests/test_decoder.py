import pytest
import torch
from models import CONFIGURATIONS, VOCAB, batch, row, small

from seqgen.errors import UserError
from seqgen.model.decoder import Decoder, DecoderConfig


@pytest.mark.parametrize("attention", ["general", "none"])
@pytest.mark.parametrize(
    "rows", [[0, 0, 1, 1, 2, 2], [2, 0], [1, 1, 1], [0, 0, 1], [2, 2, 0, 0], [0, 1, 2]]
)
def test_selected_rows_go_on_as_if_alone(attention, rows):
    model = small(attention=attention, input_feeding=True)
    source = batch([5, 2, 7])
    with torch.no_grad():
        _, state, _ = model.decoder.step(
            torch.tensor([4, 5, 6]), model.decoder.start(model.encode(source), 3)
        )
        found, _, _ = model.decoder.step(
            torch.full((len(rows),), 7), state.select(torch.tensor(rows))
        )
        for place, index in enumerate(rows):
            alone = model.decoder.start(model.encode(row(source, index)), 1)
            _, alone, _ = model.decoder.step(torch.tensor([4 + index]), alone)
            expected, _, _ = model.decoder.step(torch.tensor([7]), alone)
            torch.testing.assert_close(found[place], expected[0])


def test_a_beam_shares_one_memory_and_does_not_move_it():
    model = small()
    state = model.decoder.start(model.encode(batch([5, 2])), 2)
    wide = state.select(torch.tensor([0, 0, 0, 1, 1, 1]))
    assert wide.prepared is state.prepared
    assert wide.select(torch.tensor([2, 0, 0, 4, 4, 5])).prepared is state.prepared
    assert wide.select(torch.tensor([4, 4, 5])).prepared.keys.shape[0] == 1


def test_every_parameter_gets_a_gradient():
    for configuration in CONFIGURATIONS[::5]:
        model = small(**configuration).train()
        model(batch([5, 2, 7]), torch.randint(4, VOCAB, (3, 6))).log_softmax(-1)[
            ..., 4
        ].sum().backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("values", [{"layers": 0}, {"hidden_dim": 0}, {"dropout": 1.0}])
def test_impossible_settings_are_refused(values):
    with pytest.raises(UserError, match=next(iter(values))):
        DecoderConfig(**values)


@pytest.mark.parametrize("feeding", [False, True])
def test_a_sequence_read_in_windows_is_the_sequence(feeding):
    model = small(input_feeding=feeding)
    source = batch([5, 2, 7])
    tokens = torch.randint(4, VOCAB, (3, 7), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        memory = model.encode(source)
        state, parts = model.decoder.start(memory, 3), []
        for window in tokens.split(3, 1):
            part, state = model.decoder.read(window, state)
            parts.append(part)
        torch.testing.assert_close(torch.cat(parts, 1), model.decoder.hidden(memory, tokens))


def test_one_hot_tokens_are_rows_of_the_first_matrix():
    config = DecoderConfig(
        embedding_dim=8, hidden_dim=12, layers=1, one_hot=True, tied_output=False
    )
    decoder = Decoder(VOCAB, None, config).double().eval()
    embedded = decoder.embed(torch.tensor([[3, 0], [22, 3]]))
    assert embedded.dtype == torch.float64
    assert embedded.argmax(-1).tolist() == [[3, 0], [22, 3]]
    assert embedded.sum(-1).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert [name for name, _ in decoder.named_parameters() if name.startswith("embed")] == []
    tokens = torch.tensor([[3, 0, 22]])
    state, found = decoder.start(None, 1), []
    for token in tokens[0]:
        log_probs, state, _ = decoder.step(token[None], state)
        found.append(log_probs)
    expected = torch.log_softmax(decoder(None, tokens), -1)[0]
    torch.testing.assert_close(torch.cat(found), expected)


def test_one_hot_tokens_have_no_embedding_to_tie():
    with pytest.raises(UserError, match="no embedding to tie"):
        DecoderConfig(one_hot=True)
