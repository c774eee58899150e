"""A picture and an English sentence to German: two inputs, one memory.

    python recipes/picture_and_text.py                           # with the picture, and without

In the English sentence every colour is blanked out ("The ___ dog sleeps."), so it alone cannot
say which German word is right. Two models differ in nothing but whether they see the picture.
Run it again after it was stopped, and it goes on where it was.
"""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import seqgen
from seqgen.cli import run_command
from seqgen.lines import metric_line
from seqgen.model.inputs import text_batch
from seqgen.model.memory import Memory, TextBatch
from seqgen.model.rnn import RNNEncoder
from seqgen.scenes.pictures import pictures
from seqgen.scenes.world import COLOURS
from seqgen.text import TextConfig, Tokenizer
from seqgen.training.describing import DescribingSettings, Examples, train_describer
from seqgen.training.settings import read_settings

SIZE = 32  # pixels
SETTINGS = {
    "data.target.vocab_size": 300, "training.warmup": 100, "training.average": 0.99,
    "model.decoder": {"embedding_dim": 128, "hidden_dim": 128, "dropout": 0.1},
    "training.max_epochs": 16, "training.batch_tokens": 800, "training.learning_rate": 4e-3,
}  # fmt: skip


@dataclass(frozen=True)
class Both:
    """A batch: pixels [B, 3, height, width] from -1 to 1, and sentences."""

    pixels: Tensor
    text: TextBatch


class PictureAndTextEncoder(nn.Module):
    """The places of the picture follow the words; one attention chooses among all."""

    def __init__(self, vocab_size: int, width: int = 128, look: bool = True):
        super().__init__()
        self.output_dim = width
        self.read = RNNEncoder(vocab_size, width, width // 2, dropout=0.1)
        self.see = self.place = None
        if look:
            first, second = nn.Conv2d(3, 32, 4, 2, 1), nn.Conv2d(32, 64, 4, 2, 1)
            self.see = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Conv2d(64, width, 1))
            self.place = nn.Parameter(0.1 * torch.randn((SIZE // 4) ** 2, width))

    def forward(self, batch: Both) -> Memory:
        """One memory of the words and, if it looks, of 8 x 8 places."""
        words = self.read(batch.text)
        if self.see is None:
            return words
        seen = self.see(batch.pixels).flatten(2).mT + self.place  # [B, 64, D]
        mask = torch.cat([words.mask, words.mask.new_ones(seen.shape[:2])], 1)
        return Memory(torch.cat([words.states, seen], 1), mask, words.summary + seen.mean(1))


def examples(part: list) -> Examples:
    """For each picture its pixels and its first sentence, blanked; and that in German."""
    pixels = [np.asarray(one.image(SIZE), np.float32).transpose(2, 0, 1) for one in part]
    english = [re.sub("|".join(COLOURS), "___", one.captions("en")[0]) for one in part]
    inputs = [(image / 127.5 - 1, text) for image, text in zip(pixels, english, strict=True)]
    return Examples(inputs, [one.captions("de")[0] for one in part])


def main() -> None:
    """Train with and without the picture; translate and score the test part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default="runs/picture-and-text", help="folder")
    out = parser.parse_args().out
    train, valid, test = (examples(part) for part in pictures().values())
    source = Tokenizer.train((text for _, text in train.inputs), TextConfig(vocab_size=300))

    def make_batch(rows: list) -> Both:
        pixels = torch.from_numpy(np.stack([image for image, _ in rows]))
        return Both(pixels, text_batch(source.encode([text for _, text in rows])))

    for name, look in (("with", True), ("without", False)):
        options = {"model.encoder": PictureAndTextEncoder, "model.encoder_options": {"look": look}}
        settings = read_settings(None, SETTINGS | options, DescribingSettings)
        model = train_describer(settings, out / name, train, valid, make_batch, source=source)
        outputs = model.describe(test.inputs)
        score = metric_line(seqgen.bleu(outputs, [test.texts], bootstrap=1000))
        print(f"{name} the picture: {score}\n  {test.inputs[0][1]}\n  > {outputs[0]}")


if __name__ == "__main__":
    run_command(main)
