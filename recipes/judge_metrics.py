"""How far the scores of captions agree with people: Kendall's tau-c on Flickr8k-Expert.

    python recipes/judge_metrics.py                              # SEQGEN_DATA names the data

Three experts gave each of 5,822 pairs of an image and a caption a mark of 1 to 4 (Hodosh et al.
2013). As usual, pairs whose caption is one of the image's own references are left out, and
every mark counts by itself. Measured; in brackets what Hessel et al. 2021 report (their CIDEr
takes its document frequencies over pairs, ours over the 1,000 images):

    BLEU-1 32.3 (32.3)   BLEU-4 30.8 (30.8)   ROUGE-L 32.3 (32.3)   CIDEr-D 43.8 (43.9)
"""

import gzip
import json
from pathlib import Path

import numpy as np

from seqgen.cli import run_command
from seqgen.data.fetch import data_folder
from seqgen.files import read_lines
from seqgen.scoring.captions import bleu_counts, rouge_l
from seqgen.scoring.cider import CiderD


def main() -> None:
    """Print one tau-c for each score."""
    folder = data_folder("flickr8k")
    with gzip.open(folder / "dataset.json.gz", "rt", encoding="utf-8") as file:
        images = {
            image["filename"]: [sentence["raw"] for sentence in image["sentences"]]
            for image in json.load(file)["images"]
        }
    names, captions, marks = read_judgments(folder / "ExpertAnnotations.txt.gz", images)
    references = [images[name] for name in names]
    judged = sorted(set(names))
    place = {name: i for i, name in enumerate(judged)}
    cider = CiderD([images[name] for name in judged])
    counts = bleu_counts(captions, references)
    scores = {
        "BLEU-1": sentence_bleu(counts, 1),
        "BLEU-4": sentence_bleu(counts, 4),
        "ROUGE-L": rouge_l(captions, references),
        "CIDEr-D": cider.scores(captions, [place[name] for name in names]),
    }
    for name, score in scores.items():
        tau = 100 * tau_c(np.repeat(score, marks.shape[1]), marks.ravel())
        print(f"{name:8} tau-c {tau:5.1f}  n = {marks.size}")


def read_judgments(
    path: Path, images: dict[str, list[str]]
) -> tuple[list[str], list[str], np.ndarray]:
    """Images, captions and marks [N, 3] of the pairs that count."""
    names, captions, marks = [], [], []
    for line in read_lines(path):
        name, caption_id, *three = line.split("\t")
        source, number = caption_id.split("#")
        if source not in images or name not in images:
            continue
        caption = images[source][int(number)]
        if caption not in images[name]:
            names.append(name)
            captions.append(caption)
            marks.append([int(mark) for mark in three])
    return names, captions, np.array(marks)


def sentence_bleu(counts: np.ndarray, n: int) -> np.ndarray:
    """BLEU of every pair, no match at all counting as 1e-15 of one, as COCO's tools have it."""
    precision = (counts[:, 2 : 2 + n] + 1e-15) / (counts[:, 6 : 6 + n] + 1e-9)
    brevity = np.minimum(0, 1 - counts[:, 1] / np.maximum(counts[:, 0], 1e-9))
    return np.exp(np.log(precision).mean(1) + brevity)


def tau_c(scores: np.ndarray, marks: np.ndarray) -> float:
    """Kendall's tau-c (Stuart 1953): concordant less discordant pairs, for few distinct marks."""
    levels = [np.sort(scores[marks == mark]) for mark in np.unique(marks)]
    surplus = 0
    for i, lower in enumerate(levels):
        for higher in levels[i + 1 :]:
            below = np.searchsorted(lower, higher, side="left").sum()
            above = lower.size * higher.size - np.searchsorted(lower, higher, side="right").sum()
            surplus += int(below) - int(above)
    fewest = min(len(levels), np.unique(scores).size)
    return 2 * surplus / (scores.size**2 * (fewest - 1) / fewest)


if __name__ == "__main__":
    run_command(main)
