import pytest
from command import seqgen
from prose import prose_settings

from seqgen.errors import UserError


def test_train_generate_and_score(tmp_path, tiny_writer):
    text, out = prose_settings(tmp_path)["data.train"], tmp_path / "out"
    small = ("--set", "model.decoder.embedding_dim=8", "--set", "model.decoder.hidden_dim=8")
    options = ("--window", 20, "--batch-tokens", 400, "--max-epochs", 1, "--precision", "float32")
    told = seqgen("train", "write", "--train", text, "--out", out, "--unit", "word", *options,
                  *small)  # fmt: skip
    assert told == f"best model: {out / 'best'}\n"
    first = seqgen("generate", "--model", out, "--prompt", "the cat ", "--length", 5)
    assert first.startswith("the cat ")
    folder = tiny_writer.folder
    told = seqgen("score", "text", "--model", folder, text).splitlines()
    assert told[0].startswith("bits per character ") and "state:carried" in told[0]
    assert told[1].startswith("perplexity ")


def test_samples_are_apart_and_repeat_with_their_seed(tiny_writer):
    asked = ("generate", "--model", tiny_writer.folder, "--prompt", "a ", "--length", 30)
    both = seqgen(*asked, "--samples", 2, "--seed", 3)
    one, other = both.split("-" * 40 + "\n")
    assert one != other and one.startswith("a ") and other.startswith("a ")
    assert seqgen(*asked, "--seed", 3) == one
    assert seqgen(*asked, "--seed", 4) != one


def test_greedy_beam_and_until(tiny_writer):
    asked = ("generate", "--model", tiny_writer.folder, "--prompt", "the c", "--until", ".")
    assert seqgen(*asked, "--greedy") == seqgen(*asked, "--beam-size", 1)
    assert seqgen(*asked, "--greedy").count(".") == 1
    assert seqgen(*asked, "--temperature", 0) == seqgen(*asked, "--greedy")
    line = seqgen(*asked[:-1], "EOS", "--greedy")
    assert line.count("\n") == 1 and line.startswith("the cat ")


def test_parts_of_ones_own_write(tiny_writer):
    asked = ("generate", "--model", tiny_writer.folder, "--length", 40)
    narrow = ("--strategy", "seqgen.search.sample:Sample", "--strategy-option", "temperature=0.0")
    assert seqgen(*asked, *narrow) == seqgen(*asked, "--greedy")
    spec = "seqgen.search.processors:NoRepeat"
    once = ("--processor", spec, "--processor-option", "NoRepeat.n=1")
    text = seqgen(*asked, *once, "--greedy")
    assert text != seqgen(*asked, "--greedy") and len(set(text[:10])) == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--samples", 0), "--samples"),
        (("--samples", 2, "--greedy"), "same text"),
        (("--greedy", "--beam-size", 2), "both given"),
        (("--greedy", "--temperature", 0.8), "draw nothing"),
        (("--beam-size", 2, "--top-p", 0.9), "draw nothing"),
        (("--temperature", -1), "temperature"),
        (("--strategy", "seqgen.search.sample:Greedy", "--seed", 1), "beside options of another"),
        (("--strategy-option", "size=3"), "without --strategy"),
    ],
)
def test_contradictions_are_refused(tiny_writer, options, message):
    with pytest.raises(UserError, match=message):
        seqgen("generate", "--model", tiny_writer.folder, *options)
