"""Scores against papers' examples, arithmetic done by hand, and sacrebleu's command line."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from math import exp
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.errors import UserError
from seqgen.scoring.metrics import Metric, bleu, chrf, compare, ter

MEASURES = {"bleu": bleu, "chrf": chrf, "ter": ter}
WORDS = st.sampled_from(["a", "b", "c", "A", "B", "der", "Hund", ",", ".", "läuft"])
LINE = st.lists(WORDS, max_size=7).map(" ".join)
PAIRS = st.lists(st.tuples(LINE, LINE), min_size=1, max_size=6)


def corpus(seed: int, lines: int = 40) -> list[str]:
    """Lines of a small vocabulary, some of them empty, with case and punctuation."""
    draw = random.Random(seed)
    words = ["ein", "Hund", "läuft", "über", "die", "Wiese", "und", "spielt", "2.5", "Bälle"]
    text = [" ".join(draw.choices(words, k=draw.randint(0, 9))) for _ in range(lines)]
    return [line + draw.choice([".", "!", ""]) if line else "" for line in text]


def noisy(lines: list[str], seed: int, rate: float) -> list[str]:
    """The same lines with words dropped, exchanged and put in lower case."""
    draw = random.Random(seed)
    changed = []
    for line in lines:
        words = [word for word in line.split() if draw.random() > rate]
        if len(words) > 2 and draw.random() < rate:
            words[0], words[1] = words[1], words[0]
        changed.append(" ".join(word.lower() if draw.random() < rate else word for word in words))
    return changed


def command_line(folder: Path, arguments: list[str], **files: list[str]) -> str:
    """What sacrebleu's own program prints for these files."""
    for name, lines in files.items():
        (folder / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "sacrebleu", *arguments, "-w", "12", "-q", "-nc"],
        cwd=folder,
        check=True,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    ).stdout


def agrees(metric: Metric, report: dict, lines: int) -> None:
    """A metric holds the number, the interval and the settings of the program's report."""
    assert metric.name == report["name"]
    assert metric.value == pytest.approx(report["score"], abs=1e-9)
    assert metric.signature == report["signature"]
    assert metric.count == lines
    if "confidence_mean" in report:
        mean, half = report["confidence_mean"], report["confidence_var"]
        assert metric.low == pytest.approx(mean - half, abs=1e-6)
        assert metric.high == pytest.approx(mean + half, abs=1e-6)
    else:
        assert metric.low is metric.high is None


def test_the_command_line_agrees(tmp_path):
    """Numbers, intervals and signatures are those of ``sacrebleu``, with two sets of references."""
    first, second = corpus(1), corpus(2)
    lines = noisy(first, 3, 0.2)
    arguments = ["first", "second", "-i", "lines", "-m", "bleu", "chrf", "ter"]
    files = {"first": first, "second": second, "lines": lines}
    for report in json.loads(command_line(tmp_path, arguments, **files)):
        measure = MEASURES[report["name"].lower().rstrip("2")]
        agrees(measure(lines, [first, second]), report, 40)
    arguments += ["-lc", "--chrf-lowercase", "--ter-case-sensitive", "-tok", "intl"]
    arguments += ["-ci", "-cin", "100"]
    printed = command_line(tmp_path, arguments, **files)
    bleu_report, chrf_report, ter_report = json.loads(printed)
    scored = bleu(lines, [first, second], lowercase=True, tokenize="intl", bootstrap=100)
    agrees(scored, bleu_report, 40)
    agrees(chrf(lines, [first, second], lowercase=True, bootstrap=100), chrf_report, 40)
    agrees(ter(lines, [first, second], lowercase=False, bootstrap=100), ter_report, 40)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_paired_bootstrap_agrees(tmp_path, measure):
    """Intervals and the p-value are those of ``sacrebleu --paired-bs``."""
    references = corpus(1)
    worse, better = noisy(references, 2, 0.25), noisy(references, 3, 0.2)
    arguments = ["references", "-i", "worse", "better", "-m", measure]
    arguments += ["--paired-bs", "--paired-bs-n", "200", "-f", "text"]
    files = {"references": references, "worse": worse, "better": better}
    table = command_line(tmp_path, arguments, **files)
    cells = re.findall(r"([\d.]+) \(([\d.]+) ± ([\d.]+)\)", table)
    (p_value,) = re.findall(r"p = ([\d.]+)", table)
    found = compare(better, worse, [references], measure, bootstrap=200)
    for metric, lines, cell in zip(
        (found.baseline, found.system), (worse, better), cells, strict=True
    ):
        value, mean, half = map(float, cell)
        assert metric.value == pytest.approx(value, abs=1e-9)
        assert metric.low == pytest.approx(mean - half, abs=1e-6)
        assert metric.high == pytest.approx(mean + half, abs=1e-6)
        assert metric == MEASURES[measure](lines, [references], bootstrap=200)
    assert found.p_value == pytest.approx(float(p_value), abs=1e-4)


def test_bleu_by_hand():
    """Clipped precisions 5/6, 3/5, 1/4, and 0/3 counted as half a match; then brevity."""
    scored = bleu(["the cat sat on the mat"], [["the cat is on the mat"]])
    assert scored.value == pytest.approx(100 * (5 / 6 * 3 / 5 * 1 / 4 * 0.5 / 3) ** 0.25)
    assert bleu(["a b c d"], [["a b c d e f g h"]]).value == pytest.approx(100 * exp(1 - 8 / 4))


def test_bleu_of_the_paper():
    """Candidate 1 of Papineni et al. 2002: 17/18 words and 10/17 pairs, as the paper counts."""
    candidate = (
        "It is a guide to action which ensures that the military always obeys the commands "
        "of the party"
    )
    references = [
        "It is a guide to action that ensures that the military will forever heed Party commands",
        "It is the guiding principle which guarantees the military forces always being under "
        "the command of the Party",
        "It is the practical guide for the army always to heed the directions of the party",
    ]
    scored = bleu([candidate], [[line] for line in references], tokenize="none")
    expected = 100 * (17 / 18 * 10 / 17 * 7 / 16 * 4 / 15) ** 0.25
    assert scored.value == pytest.approx(expected)
    assert "nrefs:3" in scored.signature and "tok:none" in scored.signature


def test_ter_of_the_paper():
    """Snover et al. 2006, section 2: a shift, two substitutions, an insertion; 13 words."""
    reference = "SAUDI ARABIA denied THIS WEEK information published in the AMERICAN new york times"
    line = "THIS WEEK THE SAUDIS denied information published in the new york times"
    assert ter([line], [[reference]]).value == pytest.approx(100 * 4 / 13)


def test_chrf_by_hand():
    """Orders that exist on both sides are averaged; recall counts four times precision."""
    precision, recall = 1.0, (2 / 3 + 1 / 2) / 2
    expected = 100 * 5 * precision * recall / (4 * precision + recall)
    assert chrf(["ab"], [["abc"]]).value == pytest.approx(expected)


def columns(pairs: list[tuple[str, str]]) -> list[list[str]]:
    """The first members and the second members."""
    return [list(side) for side in zip(*pairs, strict=True)]


@settings(max_examples=40, deadline=None)
@given(PAIRS, st.randoms(use_true_random=False))
def test_any_lines_score(pairs, draw):
    """Empty lines are lines; order means nothing; ignoring case is scoring lower case."""
    lines, references = columns(pairs)
    shuffled = columns(draw.sample(pairs, len(pairs)))
    for measure in MEASURES.values():
        scored = measure(lines, [references], lowercase=False, bootstrap=40)
        assert scored.count == len(pairs)
        assert scored.value >= 0 and scored.low <= scored.high
        again = measure(shuffled[0], [shuffled[1]], lowercase=False)
        assert again.value == pytest.approx(scored.value, abs=1e-9)
        small = measure([x.lower() for x in lines], [[x.lower() for x in references]])
        assert measure(lines, [references], lowercase=True).value == small.value


def test_a_system_does_not_differ_from_itself():
    """Equal scores are no evidence of a difference; a gulf between them is."""
    references = corpus(4)
    lines = noisy(references, 5, 0.2)
    assert compare(lines, lines, [references], bootstrap=100).p_value == 1.0
    reversed_words = [" ".join(line.split()[::-1]) for line in lines]
    assert compare(lines, reversed_words, [references], bootstrap=100).p_value < 0.05


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
@pytest.mark.parametrize(
    ("lines", "references", "words"),
    [
        (["a"], [["a", "b"]], ["1 hypotheses", "2 references"]),
        (["a", "b"], [["a", "b"], ["a"]], ["2 hypotheses", "1 references", "set 2"]),
        ([], [[]], ["no hypotheses"]),
        (["a"], [], ["no references"]),
    ],
)
def test_counts_are_named(measure, lines, references, words):
    with pytest.raises(UserError) as caught:
        measure(lines, references)
    assert all(word in str(caught.value) for word in words)


def test_comparing_unequal_counts():
    with pytest.raises(UserError, match="2 system lines but 1 references"):
        compare(["a", "b"], ["a"], [["a"]])
    with pytest.raises(UserError, match="2 baseline lines but 1 references"):
        compare(["a"], ["a", "b"], [["a"]])


def test_settings_are_checked():
    with pytest.raises(UserError, match="choose from none, zh, 13a"):
        bleu(["a"], [["a"]], tokenize="12a")
    with pytest.raises(UserError, match="give 40 or more"):
        chrf(["a"], [["a"]], bootstrap=39)
    with pytest.raises(UserError, match="needs resamples"):
        compare(["a"], ["b"], [["a"]], bootstrap=0)
    with pytest.raises(UserError, match="choose from bleu, chrf, ter"):
        compare(["a"], ["b"], [["a"]], "rouge")
    with pytest.raises(TypeError, match="list of lists"):
        bleu(["a b c"], ["a b c"])


def test_importing_is_cheap():
    """The library is imported by the first score, not by the module."""
    program = "import sys, seqgen.scoring.metrics as m; sys.exit('sacrebleu' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
