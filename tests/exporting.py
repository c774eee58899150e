"""Small random models as graphs, and whether these write what the models write."""

from itertools import chain

import numpy as np
import pytest
from models import VOCAB, batch

from seqgen import Beam, Greedy, Sample
from seqgen.export.graph import Graph, Weights
from seqgen.export.parts import write_start, write_step
from seqgen.export.traced import TEXT, trace_start
from seqgen.model.rnn import RNNEncoder
from seqgen.model.stepper import ModelStepper
from seqgen.runtime import OnnxStepper, Session
from seqgen.search.step import run


def exported(model, folder, int8=False):
    """``model`` as a stepper of graphs in ``folder``."""
    own = isinstance(model.encoder, RNNEncoder)
    with open(folder / "weights.bin", "wb") as file:
        weights = Weights("weights.bin", file)
        step, start = Graph(weights, int8), Graph(weights)
        write_step(step, model.decoder)
        if own:
            write_start(start, model.encoder, model.decoder)
    step.write(folder / "step.onnx")
    if own:
        start.write(folder / "start.onnx")
    else:
        trace_start(folder / "start.onnx", model, TEXT)
    return OnnxStepper(Session(folder / "step.onnx"), Session(folder / "start.onnx"), VOCAB, 2)


def same_hypotheses(model, stepper, lengths):
    """Check that for inputs of ``lengths`` every search finds with both what it finds with one."""
    inputs, limits = batch(lengths), np.full(len(lengths), 8)
    arrays = {"tokens": inputs.tokens.numpy(), "lengths": inputs.mask.sum(1).int().numpy()}
    for strategy in (Greedy(), Beam(3, n_best=2), Sample(samples=2)):
        theirs = run(strategy.run(ModelStepper(model), inputs, limits))
        ours = run(strategy.run(stepper, arrays, limits))
        for one, other in zip(chain(*ours), chain(*theirs), strict=True):
            assert one.tokens == other.tokens
            assert one.token_log_probs == pytest.approx(other.token_log_probs, abs=1e-4)
            assert (one.attention is None) == (other.attention is None)
            if one.attention is not None:
                assert np.abs(one.attention - other.attention).max() < 1e-4
