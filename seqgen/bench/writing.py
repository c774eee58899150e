"""How fast a language model writes, one text and many side by side."""

from __future__ import annotations

import time

from seqgen.bench.limits import BANDWIDTH, PRODUCTS, Limits
from seqgen.bench.measure import Measure
from seqgen.bundle import Bundle
from seqgen.search.sample import Sample
from seqgen.training.precision import train_flops
from seqgen.writer import Writer

_STREAMS = 64


def measure_writing(model: Writer, limits: Limits, length: int = 2000) -> list[Measure]:
    """Characters a second, drawn as the model is, in one stream and in 64.

    One is held against the memory's bandwidth, for each step reads the weights; many against the
    products' peak.

    Args:
        model: of characters.
        limits: of this machine.
        length: tokens of the one stream; the 64 have an eighth of it each.
    """
    (bundle,) = model.bundles
    assert isinstance(bundle, Bundle)
    weights = train_flops(bundle.model.decoder) / 6

    def one() -> str:
        return "".join(model.generate("", Sample(), length))

    def many() -> str:
        found = model.hypotheses([""] * _STREAMS, Sample(), length // 8, batch_size=_STREAMS)
        return "".join(best[0].text for best in found)

    found = []
    for name, write, each, peak, limit in (
        ("one stream", one, 4, limits.bandwidth, BANDWIDTH),
        (f"{_STREAMS} streams", many, 2, limits.products, PRODUCTS),
    ):
        write()
        begin = time.perf_counter()
        rate = len(write()) / (time.perf_counter() - begin)
        share = each * weights * rate / 1e9 / peak
        found.append(Measure(f"writing, {name}", rate, "characters/s", share, limit))
    return found
