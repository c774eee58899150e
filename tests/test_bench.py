"""`seqgen bench`: its parts on short times, its JSON and its ratios."""

import json

import numpy as np
import pytest
import torch
from rich.console import Console

from seqgen.bench.decoding import measure_decoding, measure_start
from seqgen.bench.growth import CURVES, exponent, least_seconds, peak_bytes
from seqgen.bench.images import measure_features
from seqgen.bench.limits import BANDWIDTH, PRODUCTS, Limits, measure_limits
from seqgen.bench.measure import Measure, Results, ratios, read_results, table
from seqgen.bench.training import WORKLOADS, measure_training
from seqgen.bench.writing import measure_writing
from seqgen.config import to_dict
from seqgen.errors import UserError
from seqgen.files import write_json
from seqgen.generate import load_translator

LIMITS = Limits(products=1e6, low=1e6, bandwidth=1e6)  # more than any machine has


def test_limits_are_measured_and_written(run, tmp_path):
    file = tmp_path / "bench.json"
    done = run("bench", "limits", "--seconds", "0.2", "--output", file)
    found = read_results(file)
    assert [one.unit for one in found.measures] == ["GFLOP/s", "GFLOP/s", "GOP/s", "GB/s"]
    assert all(one.value > 0 for one in found.measures)
    assert all(one.name in done.stdout for one in found.measures)
    again = run("bench", "limits", "--seconds", "0.2", "--against", file)
    assert "ratio" in again.stdout


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_each_task_is_trained(workload, tmp_path, monkeypatch):
    monkeypatch.setattr("seqgen.scenes.pictures.SIZE", {"train": 60, "valid": 2, "test": 0})
    monkeypatch.setattr("seqgen.scenes.corpus.SIZE", {"train": 300, "valid": 2, "test": 0})
    found = measure_training(workload, tmp_path, 0.5, "float32")
    assert found.value > 0 and found.share is not None and found.share > 0
    log = map(json.loads, (tmp_path / "model" / "log.jsonl").read_text().splitlines())
    assert found.value <= max(line.get("tokens_per_second", 0) for line in log)


def test_decoding_meets_both_limits(tiny_bundle):
    found = measure_decoding(load_translator(tiny_bundle), ["a dog", "big red cat"], LIMITS)
    assert len(found) == 4 and {one.limit for one in found} >= {BANDWIDTH}
    assert all(one.value > 0 and 0 < one.share < 1 for one in found)


def test_writing_meets_both_limits(tiny_writer):
    one, many = measure_writing(tiny_writer, LIMITS, length=80)
    assert (one.limit, many.limit) == (BANDWIDTH, PRODUCTS)
    assert min(one.value, many.value) > 0 and 0 < one.share < 1 and 0 < many.share < 1


def test_starting_is_timed_cold(tiny_bundle):
    shown, written, memory = measure_start(tiny_bundle, repeats=1)
    assert 0 < shown.value < written.value
    assert memory.value > 50
    with pytest.raises(UserError, match="translate failed"):
        measure_start(tiny_bundle / "none", repeats=1)


def test_features_of_images_are_timed():
    found = measure_features("mobilenet_v2", torch.float32, 0.0, LIMITS)
    assert found.value > 0 and found.share is not None and 0 < found.share < 1


def test_ratios_are_of_the_same_names(tmp_path):
    before = Results({"threads": 2}, (Measure("a", 2.0, "x"), Measure("b", 5.0, "y", 0.5, "z")))
    write_json(tmp_path / "before.json", to_dict(before))
    assert read_results(tmp_path / "before.json") == before
    now = [Measure("a", 3.0, "x"), Measure("c", 1.0, "y", 0.25, "the peak")]
    assert ratios(now, before) == {"a": 1.5}
    with pytest.raises(UserError, match="none of these"):
        ratios(now[1:], before)
    console = Console(width=100)
    with console.capture() as shown:
        console.print(table(now, {"a": 1.5}))
    assert "1.50" in shown.get() and "25% of the peak" in shown.get()


def test_what_is_asked_for_must_exist(refused):
    assert "there is no part 'speed'" in refused("bench", "speed")
    assert "--seconds" in refused("bench", "--seconds", "0")


def test_limits_in_python():
    limits, found = measure_limits(0.01)
    assert limits.products_in(torch.bfloat16) == limits.low == found[1].value


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_what_grows_is_run(curve):
    assert list(curve.sizes) == sorted(curve.sizes)
    assert least_seconds(curve.make(curve.sizes[0]), 1) > 0


def test_growth_is_told_by_its_exponent():
    sizes = (1, 10, 100, 1000)
    assert exponent(sizes, [7 * size**1.5 for size in sizes]) == pytest.approx(1.5)
    assert exponent(sizes, [5 + size for size in sizes]) == pytest.approx(0.95, abs=0.05)
    assert peak_bytes(lambda: np.zeros(1 << 20, np.uint8)) == pytest.approx(1 << 20, rel=0.1)
