"""The small network that caption.py sees drawings with: trained on many of them, then frozen.

    python recipes/small_network.py OUT.safetensors --minutes 12

It is asked two things of a picture. Which kinds of things and which properties (colours, sizes,
numbers, doings) are there: answered from the mean of the map. And which kind has which property:
every position gives a score to each kind and to each property, a pair has the sum of both, and the
highest counts (log-sum-exp). Pairs that are kept from training are not asked for.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F

from seqgen.cli import run_command
from seqgen.files import write_bytes
from seqgen.model.backbones import SmallCNN
from seqgen.scenes.draw import draw
from seqgen.scenes.pictures import training_scenes
from seqgen.scenes.world import COLOURS, DEEDS, DOINGS, KINDS, SIZES, Scene

PROPERTIES = (*COLOURS, *SIZES, "usual", 1, 2, 3, *DOINGS, *DEEDS)
BATCH, HELD, RATE, WARMUP = 64, 500, 2e-3, 100


def pairs(scene: Scene) -> list[tuple[int, int]]:
    """The kinds in a scene with their properties, by number."""
    found = [(t.kind, p) for t in scene.things for p in (t.colour, t.size or "usual", t.count)]
    return [(KINDS.index(k), PROPERTIES.index(p)) for k, p in (*found, *scene.doers)]


class Examiner(nn.Module):
    """The network, asked what any of ``answers`` [N, kinds, properties] has as 1."""

    def __init__(self, answers: Tensor) -> None:
        super().__init__()
        self.asked = answers.amax(0) > 0
        self.network = SmallCNN().to(memory_format=torch.channels_last)
        count = sum(answers.shape[1:])
        self.there, self.where = nn.Linear(128, count), nn.Linear(128, count)
        nn.init.constant_(self.where.bias, -4.0)  # most pairs are in no picture

    def forward(self, pixels: Tensor, answers: Tensor) -> Tensor:
        """Nats a picture in either question [2]; pixels are [B, 3, 64, 64] of 0 to 255."""
        pixels = (pixels.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        maps = self.network(pixels)
        single = torch.cat([answers.amax(2), answers.amax(1)], 1)
        places = self.where(maps.permute(0, 2, 3, 1).flatten(1, 2))
        kinds, properties = places.split(answers.shape[1:], -1)
        both = torch.logsumexp(kinds[..., None] + properties[..., None, :], 1)[:, self.asked]
        given = (self.there(maps.mean((2, 3))), single), (both, answers[:, self.asked])
        nats = [F.binary_cross_entropy_with_logits(*one, reduction="sum") for one in given]
        return torch.stack(nats) / len(pixels)


def main() -> None:
    """Draw, train for so many minutes, and write the network's weights in 16 bits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--pictures", type=int, default=40_000)
    parser.add_argument("--minutes", type=float, default=12.0)
    options = parser.parse_args()
    if options.pictures <= HELD:
        parser.error(f"--pictures must be more than the {HELD} that are held out")
    scenes = list(training_scenes(options.pictures))
    pixels = torch.from_numpy(np.stack([draw(s, i) for i, s in enumerate(scenes)])).movedim(3, 1)
    answers = torch.zeros(len(scenes), len(KINDS), len(PROPERTIES))
    for answer, scene in zip(answers, scenes, strict=True):
        answer[tuple(zip(*pairs(scene), strict=True))] = 1.0

    torch.manual_seed(1)
    model, start, step = Examiner(answers[HELD:]), time.monotonic(), 0
    optimizer = torch.optim.AdamW(model.parameters())
    while (spent := (time.monotonic() - start) / (60 * options.minutes)) < 1:
        rate = RATE * min(1.0, (step + 1) / WARMUP) * (1 + math.cos(math.pi * spent)) / 2
        optimizer.param_groups[0]["lr"] = rate
        rows = torch.randint(HELD, len(scenes), (BATCH,))
        loss = model(pixels[rows], answers[rows])
        optimizer.zero_grad()
        loss.sum().backward()
        nn.utils.clip_grad_norm_(model.network.parameters(), 5.0)
        optimizer.step()
        if (step := step + 1) % 100 == 0:
            print(f"{step} batches, nats a picture: there %.2f, pairs %.2f" % (*loss.tolist(),))
    with torch.no_grad():
        there, both = model(pixels[:HELD], answers[:HELD]).tolist()
    print(f"{step} batches; nats of {HELD} pictures held out: there {there:.2f}, pairs {both:.2f}")
    state = model.network.half().to(memory_format=torch.contiguous_format).state_dict()
    write_bytes(options.out, save(state))


if __name__ == "__main__":
    run_command(main)
