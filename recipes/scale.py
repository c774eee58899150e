"""How the cost grows with length, batch, vocabulary, beam, data and processes, and what follows.

    python recipes/scale.py [--quick]              # tables in Markdown; the smallest sizes alone

One thread. Costs of one process are the processor's seconds, the least of some repeats, so that
other programs count for little. Two processes that add up gradients are timed by the clock, the
least of more. Last comes a model of many machines. What came out: docs/scale.md.
"""

import argparse
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"  # before torch counts the cores

import torch
import torch.distributed as dist
from torch import multiprocessing

from seqgen.bench.growth import CURVES, exponent, least_seconds, peak_bytes, planning, sized
from seqgen.bench.growth import training as update
from seqgen.cli import run_command

REPEATS = 5
MESSAGES = (10_000, 100_000, 1_000_000, 10_000_000, 30_000_000)  # numbers of a gradient
PORT = "29617"
BATCH = 64, 20  # pairs of an update, and tokens of a side
NETWORK = 1.25e9  # bytes a second of 10-gigabit Ethernet: assumed, not measured
MACHINES = (1, 8, 64, 1024)


def main() -> None:
    """Measure, print, and say what it means for more."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the smallest sizes alone")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    for curve in CURVES:
        sizes = curve.sizes[:2] if quick else curve.sizes
        costs = [least_seconds(curve.make(size), 1 if quick else REPEATS) for size in sizes]
        show(curve.name, sizes, costs)
    sizes = MESSAGES[:2] if quick else MESSAGES
    answers = multiprocessing.get_context("spawn").SimpleQueue()
    multiprocessing.spawn(add_up, (sizes, answers), nprocs=2)
    costs = answers.get()
    show("gradients added up by 2 processes, by numbers", sizes, costs)
    model(sizes, costs, 10_000 if quick else 1_000_000)


def show(name: str, sizes: tuple[int, ...], costs: list[float]) -> None:
    """A curve as a table."""
    print()
    show_row(name, [*(f"{size:,}" for size in sizes), "exponent"])
    print("|---" + "|---:" * (len(sizes) + 1) + "|")
    show_row("ms", [*(f"{1000 * cost:,.3g}" for cost in costs), f"{exponent(sizes, costs):.2f}"])


def show_row(name: str, cells: list[str]) -> None:
    """A row of a table."""
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def add_up(rank: int, sizes: tuple[int, ...], answers: object) -> None:
    """One of two processes: the clock's least seconds of an all-reduce of each size, by rank 0."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": PORT}
    dist.init_process_group("gloo", rank=rank, world_size=2)
    found = []
    for size in sizes:
        flat, spent = torch.ones(size), []
        for _ in range(20):
            dist.barrier()
            begin = time.perf_counter()
            dist.all_reduce(flat)
            spent.append(time.perf_counter() - begin)
        found.append(min(spent))
    if rank == 0:
        answers.put(found)  # type: ignore[attr-defined]
    dist.destroy_process_group()


def model(sizes: tuple[int, ...], costs: list[float], pairs: int) -> None:
    """A model: each machine computes as this core does, and gradients go round a ring."""
    weights = sum(p.numel() for p in sized(8000).parameters())
    tokens, compute = BATCH[0] * BATCH[1], least_seconds(update(*BATCH), REPEATS)
    rate = 4e-9 * (sizes[-1] - sizes[-2]) / (costs[-1] - costs[-2])
    plan = planning(pairs)
    print(f"\n{weights:,} weights, {4e-6 * weights:.1f} MB of gradients; {tokens:,} tokens"
          f" in {compute:.3f} s; 2 processes add up {rate:.2f} GB/s; planning an epoch takes"
          f" {peak_bytes(plan) / pairs:.0f} bytes a pair")  # fmt: skip
    print()
    show_row("modelled: hours of an epoch", [f"{n:,}" for n in MACHINES])
    print("|---" + "|---:" * len(MACHINES) + "|")
    for name, count in (("a million", 1e6), ("a billion", 1e9), ("a trillion", 1e12)):
        steps = [compute + 2 * (n - 1) / n * 4 * weights / NETWORK for n in MACHINES]
        hours = [count / (n * tokens) * s / 3600 for n, s in zip(MACHINES, steps, strict=True)]
        show_row(f"{name} tokens", [f"{one:,.3g}" for one in hours])


if __name__ == "__main__":
    run_command(main)
