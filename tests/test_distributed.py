"""Two processes under torchrun train as one."""

import os
import subprocess
import sys

import pytest
import torch
from pairs import settings

import seqgen
from seqgen.training.distributed import World


def test_alone_nothing_is_sent():
    world = World()
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    world.sum_gradients([parameter])
    assert (world.rank, world.size) == (0, 1)
    assert parameter.grad.tolist() == [1.0, 2.0]
    assert world.sum(torch.tensor(3.0)).item() == 3.0


@pytest.mark.skipif(sys.platform != "linux", reason="torchrun with gloo is tested on Linux")
def test_two_processes_learn_together_and_write_one_model(tmp_path):
    changes = settings(tmp_path / "data", max_epochs=14, batch_tokens=100)
    options = [f"--set={name}={value!r}" for name, value in _flat(changes)]
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone",
        "-m", "seqgen", "train", "translate", "--out", str(tmp_path / "two"), *options,
    ]  # fmt: skip
    done = subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr.count("training pairs") == 1
    files = [tmp_path / "data" / f"valid.{language}" for language in ("en", "de")]
    sources, references = (path.read_text("utf-8").splitlines() for path in files)
    outputs = seqgen.load(tmp_path / "two").translate(sources)
    assert seqgen.bleu(outputs, [references]).value > 60


def _flat(changes):
    for name, value in changes.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", item) for key, item in value.items())
        else:
            yield name, value
