"""A folded network gives what the network gives, always of the weights it has now."""

import copy
import pickle

import onnxruntime
import pytest
import torch
from torch import nn

from seqgen.export.graph import OPSET
from seqgen.model.cnn import CNNEncoder
from seqgen.model.folded import Folded


@pytest.fixture
def network():
    """A frozen network whose BatchNorms have seen much."""
    torch.manual_seed(0)
    stem = CNNEncoder("mobilenet_v2", weights="none").stem
    for module in stem.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0.0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
    return stem


def near(network, folded, pixels):
    with torch.inference_mode():
        expected, found = network(pixels), folded(network, pixels)
    assert not torch.equal(expected, found)  # else nothing was folded
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_folded_is_equal_but_for_rounding(network):
    near(network, Folded(), torch.randn(2, 3, 64, 64))


def test_changed_weights_are_folded_again(network):
    folded, pixels = Folded(), torch.randn(2, 3, 64, 64)
    near(network, folded, pixels)
    with torch.no_grad():
        next(network.parameters()).mul_(2.0)
    near(network, folded, pixels)
    network.load_state_dict({k: v * 0.9 for k, v in network.state_dict().items()})
    near(network, folded, pixels)
    folded(network.double(), pixels.double())


def test_the_copy_goes_nowhere_with_the_model(network):
    encoder = CNNEncoder("mobilenet_v2", weights="none")
    names = set(encoder.state_dict())
    encoder.features(torch.randn(1, 3, 64, 64))
    assert set(encoder.state_dict()) == names
    assert len(pickle.dumps(encoder._frozen)) < 1000
    assert copy.deepcopy(encoder)._frozen is not encoder._frozen


@pytest.mark.filterwarnings("ignore")  # of the exporter, which is an old one
def test_an_exported_network_is_what_it_was(network, tmp_path):
    path, pixels = str(tmp_path / "graph.onnx"), torch.randn(2, 3, 64, 64)
    encoder = CNNEncoder("mobilenet_v2", weights="none")
    encoder.stem.load_state_dict(network.state_dict())
    module = nn.Module()
    module.encoder, module.forward = encoder, encoder.features
    with torch.no_grad():
        other = torch.randn(2, 3, 64, 64)
        torch.onnx.export(module, (other,), path, opset_version=OPSET, dynamo=False)
        expected = encoder.features(pixels)
    session = onnxruntime.InferenceSession(path)
    found = session.run(None, {session.get_inputs()[0].name: pixels.numpy()})[0]
    atol = 1e-5 * float(expected.abs().max())
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=0, atol=atol)
