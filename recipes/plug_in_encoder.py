"""Translation with an encoder of one's own: a convolutional one, or a small Transformer.

    python recipes/plug_in_encoder.py                            # convolutions over the words
    python recipes/plug_in_encoder.py --encoder transformer
    seqgen check recipes/plug_in_encoder.py:ConvEncoder          # does it keep the rules?

Run it again after it was stopped, and it goes on. Measured: BLEU 99.03 [98.36, 99.70], and by the
Transformer 99.40 [98.93, 99.89], after 14 epochs, each two minutes of one core's time.
"""

import argparse
from pathlib import Path

from torch import Tensor, nn

import seqgen
from seqgen.cli import run_command
from seqgen.files import read_lines
from seqgen.lines import metric_line
from seqgen.training.run import resume_translator, train_translator
from seqgen.training.settings import read_settings

SCENES = Path(__file__).parent.parent / "assets" / "scenes"
SETTINGS = {
    "data.source.vocab_size": 500,
    "model.decoder": {"embedding_dim": 128, "hidden_dim": 128, "dropout": 0.1},
    "model.tied_embeddings": False,
    "training.max_epochs": 14, "training.learning_rate": 4e-3, "training.warmup": 100,
    "training.average": 0.99,
}  # fmt: skip
for part in ("train", "valid"):
    for side, language in (("source", "en"), ("target", "de")):
        SETTINGS[f"data.{part}_{side}"] = str(SCENES / f"{part}.{language}")


def remember(states: Tensor, mask: Tensor) -> seqgen.Memory:
    """The memory of ``states`` [B, S, D], its summary their mean over what is real."""
    real = mask[..., None]
    return seqgen.Memory(states, mask, (states * real).sum(1) / real.sum(1))


class ConvEncoder(nn.Module):
    """Gated convolutions over neighbours with a way around (Gehring et al. 2017)."""

    def __init__(self, vocab_size: int, width: int = 192, layers: int = 3, dropout: float = 0.1):
        super().__init__()
        self.output_dim = width
        self.embed = nn.Embedding(vocab_size, width)
        convolutions = (nn.Conv1d(width, 2 * width, 3, padding=1) for _ in range(layers))
        self.layers = nn.ModuleList(convolutions)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: seqgen.TextBatch) -> seqgen.Memory:
        """Read tokens [B, S]; padding is zero to every convolution, as the edge is."""
        states = self.dropout(self.embed(batch.tokens))
        for layer, norm in zip(self.layers, self.norms, strict=True):
            seen = (norm(states) * batch.mask[..., None]).mT  # [B, D, S]
            states = states + self.dropout(nn.functional.glu(layer(seen), 1).mT)
        return remember(states, batch.mask)


class TransformerEncoder(nn.Module):
    """Self-attention with learned places (Vaswani et al. 2017)."""

    def __init__(self, vocab_size: int, width: int = 128, layers: int = 2, dropout: float = 0.1):
        super().__init__()
        self.output_dim = width
        self.embed = nn.Embedding(vocab_size, width)
        self.places = nn.Embedding(257, width)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout, batch_first=True)
        self.read = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, batch: seqgen.TextBatch) -> seqgen.Memory:
        """Read tokens [B, S] of sentences of at most 256, EOS not counted."""
        states = self.embed(batch.tokens) + self.places.weight[: batch.tokens.shape[1]]
        return remember(self.read(states, src_key_padding_mask=~batch.mask), batch.mask)


def main() -> None:
    """Train, then translate and score the test part."""
    encoders = {"conv": ConvEncoder, "transformer": TransformerEncoder}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", choices=encoders, default="conv")
    parser.add_argument("--out", type=Path, help="folder of the training")
    given = parser.parse_args()
    out = given.out or Path("runs", f"scenes-{given.encoder}")
    if (out / "settings.json").exists():
        model = resume_translator(out)
    else:
        changes = {**SETTINGS, "model.encoder": encoders[given.encoder]}
        model = train_translator(read_settings(None, changes), out)
    sources, references = (list(read_lines(SCENES / f"test.{one}")) for one in ("en", "de"))
    outputs = model.translate(sources)
    print(f"  {sources[0]}\n  > {outputs[0]}\n  = {references[0]}")
    print(f"test: {metric_line(seqgen.bleu(outputs, [references], bootstrap=1000))}")


if __name__ == "__main__":
    run_command(main)
