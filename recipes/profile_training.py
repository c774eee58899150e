"""Where the time of a training goes, kind of work by kind, and how near products come to the peak.

    python recipes/profile_training.py [--precision float32] [--pairs 64] [--length 15] [--quick]

Updates of a translator of the settings' own sizes on random tokens, all of one length, under
torch's profiler: each of its operations counts for the time that is its own. A product of [N, K]
and [K, M] is 2 N K M operations. What came out: docs/speed.md.
"""

import argparse
import math
import re
from collections import defaultdict
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from seqgen.bench.growth import training
from seqgen.cli import run_command
from seqgen.errors import UserError
from seqgen.training.precision import choose_precision

KINDS = {  # the first that fits
    "recurrent layers": "mkldnn_rnn|lstm|gru|rnn_tanh",
    "other products": "mm$|linear|mkldnn_mat|bmm|addmv|dot$",
    "softmax and loss": "softmax|exp$|gather|scatter|vecdot|logsumexp",
    "optimizer": "adam|foreach|norm|clip",
    "embeddings and order of rows": "embedding|index|unique|sort",
    "dropout": "bernoulli|dropout|rand",
    "copies, casts and zeros": "copy|cat$|stack|clone|contiguous|zero|fill|empty|to$|resize",
}
REST = "sums, activations and the rest"


def main() -> None:
    """Profile, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto")
    parser.add_argument("--pairs", type=int, default=64, help="of an update")
    parser.add_argument("--length", type=int, default=15, help="tokens of a side")
    parser.add_argument("--vocab", type=int, default=8000, help="tokens of a vocabulary")
    parser.add_argument("--quick", action="store_true", help="one update")
    given = parser.parse_args()
    if min(given.pairs, given.length) < 1 or given.vocab < 1000:
        raise UserError("an update has a pair and a token at least, a vocabulary 1,000 tokens")
    dtype, peak, why = choose_precision(given.precision)
    job, count = training(given.pairs, given.length, given.vocab), 1 if given.quick else 30

    def update() -> None:
        with torch.autocast("cpu", torch.bfloat16, dtype == torch.bfloat16):
            job()

    for _ in range(min(count, 3)):
        update()
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as found:
        for _ in range(count):
            update()
    print(f"precision {why}; {torch.get_num_threads()} threads\n")
    report(found.events(), count, peak)


def report(events: Any, count: int, peak: float) -> None:
    """The table: milliseconds of an update, and floating-point operations a second of products."""
    spent: dict[str, float] = defaultdict(float)
    done: dict[str, float] = defaultdict(float)
    for event in events:
        name = event.key.removeprefix("aten::").lower()
        kind = next((kind for kind, pattern in KINDS.items() if re.search(pattern, name)), REST)
        spent[kind] += event.self_cpu_time_total / count / 1000
        if not (event.cpu_parent and event.cpu_parent.key == event.key):  # or it counts twice
            done[kind] += operations(name, event.input_shapes) / count / 1e6
    total = sum(spent.values())
    print(
        "| kind of work | ms an update | share | GFLOP/s | of the peak |\n|---|---:|---:|---:|---:|"
    )
    for kind in sorted(spent, key=lambda one: -spent[one]):
        speed = done[kind] / spent[kind]
        seen = f"{speed:.0f} | {speed / peak:.0%}" if done[kind] else "|"
        print(f"| {kind} | {spent[kind]:.1f} | {spent[kind] / total:.0%} | {seen} |")
    speed = sum(done.values()) / total
    print(f"| all | {total:.1f} | 100% | {speed:.0f} | {speed / peak:.0%} |")


def operations(name: str, shapes: Any) -> float:
    """Floating-point operations of one product; 0 of anything else."""
    if name in ("mm", "bmm", "addmm"):  # the last has what is added in front
        left, right = [shape for shape in shapes if len(shape) > 1][-2:]
        return 2.0 * math.prod(left) * right[-1]
    if name.startswith("mkldnn_rnn_layer"):  # input [T, B, K], weights [G, K] and [G, H]
        inputs, weights = shapes[0], [shape for shape in shapes[1:3] if len(shape) == 2]
        steps = inputs[0] * inputs[1] * (2 if "backward" in name else 1)
        return 2.0 * steps * sum(math.prod(shape) for shape in weights)
    return 0.0


if __name__ == "__main__":
    run_command(main)
