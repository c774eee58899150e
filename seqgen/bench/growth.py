"""How the cost of the parts grows with the size of what they are given."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from seqgen.data.batches import epoch_batches
from seqgen.model.build import ModelConfig, Seq2Seq, build_seq2seq
from seqgen.model.inputs import text_batch
from seqgen.model.stepper import ModelStepper
from seqgen.scenes.corpus import generate
from seqgen.scenes.english import english
from seqgen.search.beam import Beam
from seqgen.search.processors import MinimumLength
from seqgen.search.step import run
from seqgen.text import EOS, TextConfig, Tokenizer
from seqgen.training.optim import make_optimizer, scale_and_clip
from seqgen.training.targets import Objective, make_targets, target_loss

Job = Callable[[], object]


@dataclass(frozen=True)
class Curve:
    """A cost at several sizes.

    Attributes:
        name: what is done, and what the sizes are.
        sizes: from small to large.
        make: prepares the job of one size.
    """

    name: str
    sizes: Sequence[int]
    make: Callable[[int], Job]


def least_seconds(job: Job, repeats: int) -> float:
    """The processor's seconds of a call, the least of ``repeats`` after a first.

    Other programs on the machine do not count as far as they take the processor, only as far as
    they make it slower.
    """
    job()
    found = []
    for _ in range(repeats):
        begin = time.process_time()
        job()
        found.append(time.process_time() - begin)
    return min(found)


def peak_bytes(job: Job) -> int:
    """The most memory that a call takes at a time, as far as Python and NumPy ask for it."""
    tracemalloc.start()
    job()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Of the power law through the larger half of the sizes, by least squares of logarithms."""
    kept = slice((len(sizes) - 1) // 2, None)
    return float(np.polyfit(np.log(sizes[kept]), np.log(costs[kept]), 1)[0])


def _rows(count: int, length: int) -> list[list[int]]:
    """So many texts of random tokens, all of one length."""
    found: list[list[int]] = np.random.default_rng(1).integers(4, 1000, (count, length)).tolist()
    return found


def sized(vocab: int) -> Seq2Seq:
    """A model of the settings' own sizes; random weights cost what others do."""
    return build_seq2seq(ModelConfig(), vocab, vocab, seed=1)


def training(pairs: int = 32, length: int = 20, vocab: int = 8000) -> Job:
    """An update of the weights."""
    model, texts = sized(vocab), _rows(pairs, length)
    optimizer = make_optimizer(model, 0.0)

    def update() -> None:
        optimizer.zero_grad()
        memory = model.encode(text_batch(texts))
        target_loss(model, memory, make_targets(texts), Objective(0.1))[0].backward()  # type: ignore[no-untyped-call]
        scale_and_clip(model.parameters(), 1.0, 1.0)
        optimizer.step()

    return update


def decoding(lines: int = 32, length: int = 20, beam: int = 5) -> Job:
    """Translations by a beam, all of one length."""
    stepper, inputs = ModelStepper(sized(8000).eval()), text_batch(_rows(lines, length))
    limits, least = np.full(lines, length), MinimumLength(length, EOS)

    @torch.inference_mode()
    def search() -> None:
        run(Beam(beam).run(stepper, inputs, limits, (least,)))

    return search


def planning(pairs: int) -> Job:
    """The batches of an epoch of so many pairs."""
    lengths = np.random.default_rng(1).poisson(15, (pairs, 2)) + 1
    return lambda: epoch_batches(lengths, 2000, 1, 0)


def cutting(lines: int) -> Job:
    """So many lines of scenes as subwords."""
    told = [english(scene) for scene in generate()["train"]]
    tokenizer = Tokenizer.train(told, TextConfig(vocab_size=500))
    texts = (told * (lines // len(told) + 1))[:lines]
    return lambda: tokenizer.encode(texts)


CURVES = (
    Curve("update of 32 pairs, by tokens of a side", (10, 20, 40, 80, 160),
          lambda size: training(length=size)),
    Curve("update, by pairs of 20 tokens", (1, 4, 16, 64, 256), lambda size: training(size)),
    Curve("update of 32 pairs, by tokens of the vocabulary", (1000, 4000, 16000, 64000),
          lambda size: training(vocab=size)),
    Curve("32 lines by a beam of 5, by tokens of a line", (5, 10, 20, 40, 80),
          lambda size: decoding(length=size)),
    Curve("beam of 5, by lines of 20 tokens", (1, 4, 16, 64), lambda size: decoding(size)),
    Curve("32 lines of 20 tokens, by size of the beam", (1, 2, 4, 8, 16, 32),
          lambda size: decoding(beam=size)),
    Curve("batches of an epoch, by pairs of the data", (10_000, 100_000, 1_000_000), planning),
    Curve("lines of scenes as subwords, by lines", (2000, 8000, 32_000), cutting),
)  # fmt: skip
