"""Captioning: one-to-many, a convolutional network in front of the decoder.

    python recipes/caption.py                                    # drawn scenes, in English
    python recipes/caption.py --language de                      # the same, in German
    python recipes/caption.py --corpus flickr8k                  # SEQGEN_DATA names the data

Run it again after it was stopped, and it goes on where it was.
"""

import argparse
from pathlib import Path

from seqgen.captioner import Captioner
from seqgen.cli import run_command
from seqgen.data.captions import read_captions
from seqgen.data.fetch import data_folder
from seqgen.files import write_bytes, write_text
from seqgen.lines import metric_line
from seqgen.overlay import gallery
from seqgen.scenes.pictures import write_pictures
from seqgen.scoring.captions import caption_scores, caption_statistics
from seqgen.training.run import resume_captioner, train_captioner
from seqgen.training.settings import CaptionSettings, read_settings

NETWORK = Path(__file__).parent.parent / "assets" / "scenes" / "small_network.safetensors"
SETTINGS = {
    "scenes": {
        "data.flip": False, "data.target.vocab_size": 300,  # a mirror image makes "left" a lie
        "data.image": {"size": 64, "resize": 64, "mean": [0.5] * 3, "std": [0.5] * 3},
        "model.encoder_options": {"backbone": "small", "weights": str(NETWORK),
                                  "output_dim": 128, "dropout": 0.1},
        "model.decoder": {"embedding_dim": 128, "hidden_dim": 128, "dropout": 0.1},
        "training.max_epochs": 7, "training.batch_tokens": 3000, "training.average": 0.99,
        "training.learning_rate": 6e-3, "training.warmup": 60,
    },
    "flickr8k": {
        "data.target.vocab_size": 4000, "data.target.lowercase": True,
        "data.image": {"fit": "squash", "size": 288},  # all of it: a crop leaves half unseen
        "model.encoder_options": {"backbone": "mobilenet_v2", "output_dim": 384, "dropout": 0.3},
        "model.decoder": {"embedding_dim": 256, "hidden_dim": 256, "dropout": 0.4},
        "training.max_epochs": 12, "training.learning_rate": 2e-3,
    },
}  # fmt: skip
REWARD = {  # then, on captions of its own, by their CIDEr-D (self-critical training)
    "training.reward": "cider_d", "training.samples": 10, "training.temperature": 0.5,
    "training.max_epochs": 1, "training.learning_rate": 3e-4, "training.warmup": 20,
    "training.average": 0.99, "model.decoder.dropout": 0.2,
}  # fmt: skip


def main() -> None:
    """Train, then caption and score the test pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", choices=SETTINGS, default="scenes")
    parser.add_argument("--language", choices=["en", "de"], default="en", help="of the scenes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--encoder", default="", help="your own, as ./file.py:Class")
    parser.add_argument("--out", type=Path, help="folder of the training")
    options = parser.parse_args()
    own = options.encoder.rpartition(":")[2]
    name = ("caption", options.corpus, options.language, str(options.seed), own)
    out = options.out or Path("runs", "-".join(filter(None, name)))
    if options.corpus == "scenes":
        data = out.with_name(f"{out.name}-pictures")
        if not data.exists():
            write_pictures(data, options.language)
    else:
        data = data_folder(options.corpus)
        weights = str(data.parent / "weights" / "mobilenet_v2_features.pth")
        SETTINGS["flickr8k"]["model.encoder_options"]["weights"] = weights
    changes = SETTINGS[options.corpus] | {"training.seed": options.seed, "data.captions": str(data)}
    if options.encoder:
        changes |= {"model.encoder": options.encoder, "model.encoder_options": {}}
    model = train(changes, out)
    if options.corpus == "flickr8k":
        changes |= {**REWARD, "training.initial": str(out), "data.cache": str(out / "data")}
        model = train(changes, out / "reward")

    test = read_captions(data, split="test")
    pictures = [one.image for one in test]
    captions = model.caption(pictures)
    lines = [f"{p.name}\t{text}\n" for p, text in zip(pictures, captions, strict=True)]
    write_text(out / "test.tsv", "".join(lines))
    scores = caption_scores(captions, [one.captions for one in test], bootstrap=1000)
    print("\ntest:", *map(metric_line, scores), sep="\n")
    print(*caption_statistics(captions).describe(), sep="\n")
    step = len(test) // 8
    write_bytes(out / "test.png", gallery(pictures[::step][:8], captions[::step][:8]))
    print(f"a few of them: {out / 'test.png'}")


def train(changes: dict[str, object], out: Path) -> Captioner:
    """A training from its beginning, or from where it was stopped."""
    if (out / "settings.json").exists():
        return resume_captioner(out)
    return train_captioner(read_settings(None, changes, CaptionSettings), out)


if __name__ == "__main__":
    run_command(main)
