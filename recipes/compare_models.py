"""Comparison: counting against a recurrent network, and both together, behind one interface.

    python recipes/compare_models.py                     # a model of the scenes, trained first
    python recipes/compare_models.py --model runs/write-alice-char-small-1

A table of counts is a ``Stepper`` as a network is: the same functions score a text with it and
write with it. n-grams are smoothed (interpolated Kneser-Ney); "both" is the mean probability
of the network and of the best of them. A stepper of your own is one more call of ``judge``.
"""

import time
from itertools import islice
from pathlib import Path

from temperature import options, trained

from seqgen.cli import run_command
from seqgen.data.store import Store
from seqgen.data.text_stream import COLUMN
from seqgen.generate import load_writer
from seqgen.running_text import TextDecoder, encode_text
from seqgen.scoring.measure import Measure
from seqgen.scoring.steppers import stepper_log_probs
from seqgen.search.endless import stream
from seqgen.search.ensemble import Ensemble
from seqgen.search.ngram import NGram
from seqgen.search.sample import Sample
from seqgen.search.step import Stepper
from seqgen.text import EOS

ORDERS = (1, 2, 3, 5, 7)


def main() -> None:
    """Count, measure all on the held-out text, and let them write."""
    parser = options(__doc__)
    parser.add_argument("--tokens", type=int, default=20000, help="of the held-out text")
    given = parser.parse_args()
    folder = given.model or trained(Path("runs/compare"))
    model = load_writer(folder)
    seen, held = (Store.open(folder / "data" / part).columns[COLUMN].tokens
                  for part in ("train", "valid"))  # fmt: skip
    held = held[: given.tokens]

    def text(tokens: list[int]) -> str:
        return "".join(TextDecoder(model.target).decode(tokens))

    def judge(name: str, stepper: Stepper) -> float:
        """Print a line of the table; keep a sample; return the nats of the held-out text."""
        begin = time.perf_counter()
        measure = Measure(-float(stepper_log_probs(stepper, held).sum()), len(held), characters)
        reading = len(held) / (time.perf_counter() - begin)
        begin = time.perf_counter()
        drawn = stream(stepper, [prompt], Sample(0.8, seed=given.seed))
        written = list(islice(drawn, 300))
        writing = len(written) / (time.perf_counter() - begin)
        samples[name] = given.prompt + text(written)
        print(f"{name:10}{measure.bits_per_character:12.3f}{measure.perplexity:12.2f}"
              f"{reading:13,.0f}{writing:10,.0f}", flush=True)  # fmt: skip
        return measure.nats

    prompt, samples = encode_text(model.target, given.prompt), {}
    size, begin = model.target.size, model.stepper.bos
    counted = {f"{n}-gram": NGram(seen, n, size, begin, EOS) for n in ORDERS}
    characters = len(text(held.tolist()))
    print(f"\n{len(seen):,} tokens seen; {len(held):,} held out, {characters:,} characters\n")
    print(f"{'':10}{'bits a':>12}{'perplexity':>12}{'tokens read':>13}{'written':>10}")
    print(f"{'':10}{'character':>12}{'a token':>12}{'a second':>13}{'a second':>10}")
    nats = {name: judge(name, stepper) for name, stepper in counted.items()}
    judge("network", model.stepper)
    judge("both", Ensemble([model.stepper, counted[min(nats, key=nats.get)]]))
    for name, sample in samples.items():
        print(f"\n{name}: {sample}")


if __name__ == "__main__":
    run_command(main)
