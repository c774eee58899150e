import collections
import itertools
import math
import random
import subprocess
import sys
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.errors import UserError
from seqgen.files import read_lines
from seqgen.text import BOS, EOS, PAD, UNK, TextConfig, Tokenizer

STEMS = ("low", "slow", "new", "wid", "fast", "cat", "house", "straße", "größ", "läuf", "the", "an")
WORDS = [stem + end for stem in STEMS for end in ("", "er", "est", "ly", "s", "ness", "en")]
CHANCE = random.Random(0)
SENTENCES = [" ".join(CHANCE.choices(WORDS, k=7)).capitalize() + "." for _ in range(100)]
MADE: dict[TextConfig, Tokenizer] = {}


def make(kind: str = "unigram", **settings: object) -> Tokenizer:
    config = TextConfig(kind, **{"vocab_size": 70, **settings})
    if config not in MADE:
        MADE[config] = Tokenizer.train(SENTENCES, config)
    return MADE[config]


@pytest.mark.parametrize("kind", ["unigram", "bpe", "char", "word"])
def test_every_kind_writes_text_and_reads_it_back(kind: str, tmp_path: Path) -> None:
    tokenizer = make(kind, vocab_size=1000)
    rows = tokenizer.encode(SENTENCES)
    assert [tokenizer.decode(row) for row in rows] == SENTENCES
    assert all(EOS < token < tokenizer.size for row in rows for token in row)
    assert tokenizer.pieces(rows[0])[0].startswith("▁")
    assert tokenizer.pieces([PAD, UNK, BOS, EOS]) == ["<pad>", "<unk>", "<s>", "</s>"]
    assert tokenizer.decode([BOS, *rows[0], EOS, PAD]) == SENTENCES[0]
    tokenizer.save(tmp_path / "t.spm")
    assert Tokenizer.load(tmp_path / "t.spm") == tokenizer == Tokenizer.from_bytes(tokenizer.proto)


def test_encoding_is_sentencepieces_own(tmp_path: Path) -> None:
    tokenizer = make()
    tokenizer.save(tmp_path / "t.spm")
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "t.spm"))
    texts = [*SENTENCES, "", "unknown ж and ﬁne"]
    assert tokenizer.encode(texts) == [theirs.encode(text) for text in texts]
    assert theirs.get_piece_size() == tokenizer.size


def test_training_is_a_function_of_text_and_settings() -> None:
    config = TextConfig(vocab_size=70)
    assert Tokenizer.train(iter(SENTENCES), config).proto == make().proto


def test_lowercase_holds_in_training_and_in_use() -> None:
    tokenizer = make(lowercase=True)
    assert tokenizer.encode(["THE Cats"]) == tokenizer.encode(["the cats"])
    assert tokenizer.decode(tokenizer.encode(["AN Dog"])[0]) == "an dog"
    assert tokenizer.sample(["THE Cats"], 0.5, 1) == tokenizer.sample(["the cats"], 0.5, 1)
    assert Tokenizer(tokenizer.proto) != tokenizer


def test_bytes_write_what_has_no_token() -> None:
    text = "漢字 😀"
    tokenizer = make(byte_fallback=True, vocab_size=330)
    assert UNK in make().encode([text])[0]
    assert tokenizer.decode(tokenizer.encode([text])[0]) == text
    assert tokenizer.decode(tokenizer.sample([text], 0.5, 1)[0]) == text


def test_user_symbols_are_one_token_each() -> None:
    tokenizer = make(user_symbols=("<2de>", "<2de>x", "cat"))
    for encode in (tokenizer.encode, lambda texts: tokenizer.sample(texts, 0.0, 1)):
        pieces = tokenizer.pieces(encode(["<2de> the<2de>x cats<2de"])[0])
        assert [p for p in pieces if p.startswith(("<2de>", "cat"))] == ["<2de>", "<2de>x", "cat"]


def test_vocabulary_is_a_limit() -> None:
    assert make(vocab_size=60).size == 60
    assert 60 < make(vocab_size=8000).size < 8000
    assert make("char", vocab_size=8000).size == len(set("".join(SENTENCES))) + 4


def test_vocabulary_too_small_names_the_least_that_will_do() -> None:
    with pytest.raises(UserError, match="vocab_size 10 does not hold the") as caught:
        make(vocab_size=10)
    least = int(str(caught.value).split()[-3])
    assert make(vocab_size=least).size == least
    with pytest.raises(UserError):
        make(vocab_size=least - 1)
    with pytest.raises(UserError, match="does not hold the special tokens"):
        make("char", vocab_size=5, byte_fallback=True)


@pytest.mark.parametrize("sentences", [[], [""], [" \n", "\t"]])
def test_no_text_is_an_error(sentences: list[str]) -> None:
    with pytest.raises(UserError, match="no text to train"):
        Tokenizer.train(sentences, TextConfig())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "bytes"}, "choose from unigram, bpe, char, word"),
        ({"vocab_size": 4}, "vocab_size must be at least 5"),
        ({"character_coverage": 0.5}, "between 0.98 and 1, not 0.5"),
        ({"user_symbols": ("",)}, "without a space"),
        ({"user_symbols": ("a b",)}, "without a space"),
        ({"user_symbols": ("a", "a")}, "'a' is there already"),
        ({"user_symbols": ("</s>",)}, "'</s>' is there already"),
        ({"user_symbols": ("<DE>",), "lowercase": True}, "never met"),
    ],
)
def test_settings_that_cannot_be(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        TextConfig(**values)


def test_long_text_counts_in_pieces_and_much_text_is_sampled() -> None:
    text = " ".join(SENTENCES)
    assert Tokenizer.train([text * 50], TextConfig(vocab_size=70)).size == 70
    many = [f"{'abcdefghij'[i % 10]} common" for i in range(20_000)]
    few = Tokenizer.train(many, TextConfig("word", 100), max_characters=1_000)
    assert "▁common" in few.pieces(range(few.size))
    assert few.size > 4 + 5  # an even sample meets most letters
    assert few == Tokenizer.train(many, TextConfig("word", 100), max_characters=1_000)


def test_damaged_and_foreign_models_are_refused(tmp_path: Path) -> None:
    proto = make().proto
    path = tmp_path / "t.spm"
    for size in (0, 1, *range(7, 3000, 37), *range(3000, len(proto), 4999), len(proto) - 1):
        path.write_bytes(proto[:size])
        with pytest.raises(UserError, match=r"t\.spm: is no SentencePiece model"):
            Tokenizer.load(path)
    for content in (b"hello", bytes(100), b"\xff" * 100):
        with pytest.raises(UserError, match="is no SentencePiece model"):
            Tokenizer(content)
    with pytest.raises(UserError, match="does not exist"):
        Tokenizer.load(tmp_path / "none.spm")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_prefix=str(tmp_path / "foreign"),
        num_threads=1,
        vocab_size=70,
        minloglevel=2,
    )
    with pytest.raises(UserError, match=r"pad, unk, bos, eos = \[-1, 0, 1, 2\]"):
        Tokenizer.load(tmp_path / "foreign.model")


def scores_of(tokenizer: Tokenizer) -> dict[str, float]:
    processor = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.proto)
    return {processor.id_to_piece(i): processor.get_score(i) for i in range(4, tokenizer.size)}


def segmentations(tokenizer: Tokenizer, word: str) -> dict[tuple[str, ...], float]:
    """Every way to write a word in pieces, with its log-probability, by brute force."""
    scores = scores_of(tokenizer)
    found = {}
    for cuts in itertools.product([False, True], repeat=len(word) - 1):
        edges = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), len(word)]
        pieces = tuple(word[a:b] for a, b in itertools.pairwise(edges))
        if all(piece in scores for piece in pieces):
            found[pieces] = sum(scores[piece] for piece in pieces)
    return found


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_unigram_samples_follow_the_distribution(alpha: float) -> None:
    tokenizer, count = make(vocab_size=90), 20_000
    ways = segmentations(tokenizer, "▁fastness")
    weights = {way: math.exp(alpha * score) for way, score in ways.items()}
    total = sum(weights.values())
    assert len(ways) > 4
    drawn = collections.Counter(
        tuple(tokenizer.pieces(row)) for row in tokenizer.sample(["fastness"] * count, alpha, 3)
    )
    assert set(drawn) <= set(ways)
    for way, weight in weights.items():
        expected = count * weight / total
        assert abs(drawn[way] - expected) < 5 * math.sqrt(expected) + 2


def dropout(
    pieces: tuple[str, ...], scores: dict[str, float], alpha: float
) -> dict[tuple[str, ...], float]:
    """The probability of every outcome of algorithm 1 of Provilkov et al., by recursion."""
    places = [i for i in range(len(pieces) - 1) if pieces[i] + pieces[i + 1] in scores]
    places.sort(key=lambda i: (-scores[pieces[i] + pieces[i + 1]], i))
    found: dict[tuple[str, ...], float] = collections.defaultdict(float)
    found[pieces] = alpha ** len(places)
    for rank, i in enumerate(places):
        merged = (*pieces[:i], pieces[i] + pieces[i + 1], *pieces[i + 2 :])
        for outcome, share in dropout(merged, scores, alpha).items():
            found[outcome] += alpha**rank * (1 - alpha) * share
    return found


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.5, 1.0])
def test_bpe_drops_merges_as_the_paper_says(alpha: float) -> None:
    tokenizer, count = make("bpe"), 20_000
    expected = dropout(tuple("▁lowest"), scores_of(tokenizer), alpha)
    assert sum(expected.values()) == pytest.approx(1)
    drawn = collections.Counter(
        tuple(tokenizer.pieces(row)) for row in tokenizer.sample(["lowest"] * count, alpha, 3)
    )
    for way in set(drawn) | set(expected):
        mean = count * expected.get(way, 0.0)
        assert abs(drawn[way] - mean) <= 5 * math.sqrt(mean) + 2 * (alpha not in (0, 1))
    assert tokenizer.sample(SENTENCES, 0.0, 1) == tokenizer.encode(SENTENCES)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@given(
    texts=st.lists(st.text(st.sampled_from("athe lowsß.Ж漢"), max_size=20), max_size=5),
    more=st.lists(st.sampled_from(SENTENCES), max_size=3),
    alpha=st.floats(0, 1),
    seed=st.integers(),
)
def test_samples_are_a_function_of_text_and_seed_and_write_the_text(
    kind: str, texts: list[str], more: list[str], alpha: float, seed: int
) -> None:
    tokenizer = make(kind)
    rows = tokenizer.sample(texts, alpha, seed)
    fresh = Tokenizer(tokenizer.proto)
    fresh.sample(more, 0.1, 0)
    assert fresh.sample(texts + more, alpha, seed)[: len(texts)] == rows
    plain = tokenizer.encode(texts)
    assert [tokenizer.decode(row) for row in rows] == [tokenizer.decode(row) for row in plain]


def test_samples_differ_by_seed() -> None:
    assert make().sample(SENTENCES, 0.1, 1) != make().sample(SENTENCES, 0.1, 2)


def test_samples_are_the_same_in_another_process(tmp_path: Path) -> None:
    tokenizer = make()
    tokenizer.save(tmp_path / "t.spm")
    code = (
        "import sys; from pathlib import Path; from seqgen.text import Tokenizer;"
        "t = Tokenizer.load(Path(sys.argv[1])); print(t.sample(sys.argv[2:], 0.2, 7));"
        "sys.exit('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "t.spm"), *SENTENCES]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tokenizer.sample(SENTENCES, 0.2, 7))


def test_sampling_that_cannot_be() -> None:
    for kind in ("char", "word"):
        with pytest.raises(UserError, match="unigram and bpe models only"):
            make(kind).sample(["a"], 0.1, 1)
    for kind, alpha in (("unigram", -0.1), ("unigram", math.nan), ("bpe", 1.1), ("bpe", -1)):
        with pytest.raises(UserError, match="alpha of subword sampling"):
            make(kind).sample(["a"], alpha, 1)


@settings(max_examples=100, deadline=None)
@given(
    sentences=st.lists(st.text(max_size=20), max_size=5),
    kind=st.sampled_from(["unigram", "bpe", "char", "word"]),
    size=st.sampled_from([5, 20, 400]),
    fallback=st.booleans(),
)
def test_any_text_trains_or_is_one_line(
    sentences: list[str], kind: str, size: int, fallback: bool
) -> None:
    config = TextConfig(kind, size, byte_fallback=fallback)
    try:
        tokenizer = Tokenizer.train(sentences, config)
    except UserError as error:
        assert str(error).startswith(("there is no text", f"vocab_size {size} does not hold"))
        return
    assert tokenizer.size <= size
    rows = tokenizer.encode(sentences)
    if kind == "bpe":
        assert tokenizer.sample(sentences, 0.0, 1) == rows


def test_real_text_reads_back_and_sampling_lengthens_it(real_data) -> None:
    folder: Path = real_data("multi30k")
    lines = [" ".join(line.split()) for line in read_lines(folder / "val.de.gz")]
    tokenizer = Tokenizer.train(lines, TextConfig(vocab_size=1500, lowercase=True))
    rows = tokenizer.encode(lines)
    assert sum(tokenizer.decode(r) == t.lower() for r, t in zip(rows, lines, strict=True)) > 1000
    # Far above 1, alpha leaves the best segmentation only, but for ties.
    best = tokenizer.sample(lines, 60.0, 1)
    assert sum(a != b for a, b in zip(best, rows, strict=True)) < 0.01 * len(rows)
    assert 1.5 < sum(map(len, tokenizer.sample(lines, 0.1, 1))) / sum(map(len, rows)) < 3
