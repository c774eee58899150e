"""Captioning: one-to-many, a convolutional network in front of the decoder.

    python recipes/caption.py                                    # drawn scenes, in English
    python recipes/caption.py --language de                      # the same, in German
    python recipes/caption.py --corpus flickr8k                  # SEQGEN_DATA names the data

Run it again after it was stopped, and it goes on where it was.
"""

import argparse
import os
from pathlib import Path

import seqgen
from seqgen.cli import run_command
from seqgen.data.captions import read_captions
from seqgen.files import write_bytes, write_text
from seqgen.lines import metric_line
from seqgen.overlay import gallery
from seqgen.scenes.pictures import write_pictures
from seqgen.scoring.captions import caption_scores, caption_statistics
from seqgen.training.run import resume_captioner, train_captioner
from seqgen.training.settings import CaptionSettings, read_settings

SETTINGS = {
    "scenes": {
        "data.flip": False,  # a mirror image makes "left" a lie
        "data.target.vocab_size": 300,
        "model.encoder_options": {
            "backbone": "small", "weights": "none", "tuned_stages": -1, "output_dim": 128,
            "dropout": 0.1,
        },
        "model.decoder": {"embedding_dim": 128, "hidden_dim": 128, "dropout": 0.1},
        "training.max_epochs": 12,
        "training.batch_tokens": 1500,
        "training.average": 0.99,
    },
    "flickr8k": {
        "data.target.vocab_size": 4000,
        "data.target.lowercase": True,
        "model.encoder_options": {"backbone": "mobilenet_v2", "output_dim": 512, "dropout": 0.3},
        "model.decoder": {"embedding_dim": 256, "hidden_dim": 512, "dropout": 0.5},
        "training.max_epochs": 15,
        "training.learning_rate": 1e-3,
    },
}  # fmt: skip


def main() -> None:
    """Train, then caption and score the test pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", choices=SETTINGS, default="scenes")
    parser.add_argument("--language", choices=["en", "de"], default="en", help="of the scenes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder of the training")
    options = parser.parse_args()
    name = "-".join(["caption", options.corpus, options.language, str(options.seed)])
    out = options.out or Path("runs", name)

    if options.corpus == "scenes":
        data = out.with_name(f"{out.name}-pictures")
        if not data.exists():
            write_pictures(data, options.language)
    else:
        if "SEQGEN_DATA" not in os.environ:
            fix = "set SEQGEN_DATA to the folder of data sets"
            raise seqgen.UserError("SEQGEN_DATA is not set", options.corpus, fix)
        data = Path(os.environ["SEQGEN_DATA"], options.corpus)
        weights = data.parent / "weights" / "mobilenet_v2_features.pth"
        SETTINGS["flickr8k"]["model.encoder_options"]["weights"] = str(weights)

    if (out / "settings.json").exists():
        model = resume_captioner(out)
    else:
        changes = {**SETTINGS[options.corpus], "training.seed": options.seed}
        changes["data.captions"] = str(data)
        model = train_captioner(read_settings(None, changes, CaptionSettings), out)

    test = read_captions(data, split="test")
    pictures = [one.image for one in test]
    captions = model.caption(pictures)
    lines = (f"{p.name}\t{text}\n" for p, text in zip(pictures, captions, strict=True))
    write_text(out / "test.tsv", "".join(lines))
    print("\ntest:")
    for score in caption_scores(captions, [one.captions for one in test], bootstrap=1000):
        print(metric_line(score))
    print("\n".join(caption_statistics(captions).describe()))
    step = len(test) // 8
    write_bytes(out / "test.png", gallery(pictures[::step][:8], captions[::step][:8]))
    print(f"a few of them: {out / 'test.png'}")


if __name__ == "__main__":
    run_command(main)
