"""Two processes under torchrun: the batches of one, and the gradient of one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import gradient
import numpy as np
import pytest
from effort import COUNTS, examples
from hypothesis import given
from hypothesis import strategies as st

from seqgen.data.batches import epoch_batches
from seqgen.data.caption_batches import caption_batches
from seqgen.training.distributed import World


def torchrun(*arguments: object) -> subprocess.CompletedProcess[str]:
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    return subprocess.run(
        [sys.executable, *launch, *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@examples(60, 2000)
@given(st.data(), st.integers(0, 2**32 - 1), st.integers(2, 4), st.booleans())
def test_processes_read_the_batches_of_one(data, seed, world, captions):
    """All of them together, but that some are halved where their number does not divide."""
    count = data.draw(st.integers(4, 60))
    lengths = np.random.default_rng(seed).integers(1, 20, (count, 1 if captions else 2))
    budget = data.draw(st.integers(40, 200))

    def batches(rank, size):
        if captions:
            image_of_row = np.arange(count) // 3
            return caption_batches(lengths[:, 0], image_of_row, budget, seed, 3, rank, size)
        return epoch_batches(lengths, budget, seed, 3, rank, size)

    one = {frozenset(rows.tolist()) for rows in batches(0, 1)}
    shares = [batches(rank, world) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    every = [frozenset(rows.tolist()) for share in shares for rows in share]
    halved = one - set(every)
    assert len(halved) < world
    parts = [rows for rows in every if rows not in one]
    assert all(any(part <= whole for whole in halved) for part in parts)
    assert set().union(*every) == set(range(count))
    if all(len(rows) > 1 for rows in every):
        assert sum(map(len, every)) == count
    COUNTS["epochs dealt to several processes"] += 1


@pytest.mark.skipif(sys.platform != "linux", reason="torchrun with gloo is tested on Linux")
def test_two_processes_have_the_gradient_of_one(tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "training")
    settings = (folder / "settings.json").read_text("utf-8")
    assert settings.count('"dropout": 0.1') == 2  # the masks of two are not those of one
    (folder / "settings.json").write_text(settings.replace('"dropout": 0.1', '"dropout": 0.0'))
    done = torchrun(Path(gradient.__file__), folder, tmp_path / "two.npz")
    assert done.returncode == 0, done.stderr[-2000:]
    task = gradient.prepared(folder, World())
    config = task.config
    dealt = [
        epoch_batches(task.lengths, config.batch_tokens, config.seed, 0, rank, 2)[: gradient.ROUNDS]
        for rank in (0, 1)
    ]
    count = gradient.summed(task, [rows for share in dealt for rows in share])
    found = np.load(tmp_path / "two.npz")
    assert found["count"] == count
    for name, parameter in task.model.named_parameters():
        np.testing.assert_allclose(found[name], parameter.grad.numpy(), rtol=1e-10, atol=1e-12)
        assert np.abs(found[name]).max() > 0, name
