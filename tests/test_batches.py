from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqgen.data.batches import Position, epoch_batches, pad
from seqgen.errors import UserError
from seqgen.files import read_lines

LENGTHS = arrays(
    np.int32, st.tuples(st.integers(1, 60), st.integers(1, 3)), elements=st.integers(0, 30)
)


@given(
    lengths=LENGTHS,
    batch_tokens=st.integers(1, 200),
    seed=st.integers(-3, 2**70),
    epoch=st.integers(0, 9),
    world=st.integers(1, 5),
)
def test_an_epoch_is_every_row_once_within_budget_and_shared_evenly(
    lengths: np.ndarray, batch_tokens: int, seed: int, epoch: int, world: int
) -> None:
    shards = [
        epoch_batches(lengths, batch_tokens, seed, epoch, rank, world) for rank in range(world)
    ]
    assert len({len(shard) for shard in shards}) == 1
    batches = [batch for shard in shards for batch in shard]
    rows = np.concatenate(batches).tolist()
    if max(map(len, batches)) > 1 or world == 1 or len(rows) == len(lengths):
        assert sorted(rows) == list(range(len(lengths)))
    else:  # too few rows to share: some are dealt twice
        assert set(rows) == set(range(len(lengths)))
        assert len(rows) < len(lengths) + world
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= batch_tokens
    again = epoch_batches(lengths, batch_tokens, seed, epoch, world - 1, world)
    assert [b.tolist() for b in again] == [b.tolist() for b in shards[-1]]


def some_lengths(rows: int = 3000) -> np.ndarray:
    rng = np.random.default_rng(0)
    source = rng.integers(3, 40, rows)
    return np.stack([source, np.maximum(1, source + rng.integers(-3, 4, rows))], 1)


def test_order_and_company_change_with_seed_and_epoch() -> None:
    lengths = some_lengths()
    runs = [epoch_batches(lengths, 500, *key) for key in ((1, 0), (1, 1), (2, 0))]
    for i, one in enumerate(runs):
        for other in runs[:i]:
            same = {frozenset(b.tolist()) for b in one} & {frozenset(b.tolist()) for b in other}
            assert len(same) < 0.1 * len(one)


def test_batches_come_in_no_order_of_length() -> None:
    lengths = some_lengths()
    means = [lengths[batch].mean() for batch in epoch_batches(lengths, 500, 1, 0)]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_processes_meet_batches_of_similar_length() -> None:
    lengths = some_lengths()
    first, second = (epoch_batches(lengths, 500, 1, 0, rank, 2) for rank in range(2))
    gaps = [abs(lengths[a].max() - lengths[b].max()) for a, b in zip(first, second, strict=True)]
    assert np.mean(gaps) < 3


def test_multi30k_is_hardly_padded(real_data) -> None:
    folder: Path = real_data("multi30k")
    lengths = np.array(
        [
            [len(line.split()) + 1 for line in read_lines(folder / f"train.{s}.gz")]
            for s in ("en", "de")
        ]
    ).T
    batches = epoch_batches(lengths, 2000, 1, 0)
    padded = sum(len(batch) * lengths[batch].max(0).sum() for batch in batches)
    assert lengths.sum() / padded >= 0.95
    cost = [len(batch) * lengths[batch].max() for batch in batches]
    assert np.mean(cost) / 2000 > 0.95  # batches are full


def test_no_rows_is_an_error() -> None:
    with pytest.raises(UserError, match="no rows"):
        epoch_batches(np.zeros((0, 2), np.int32), 10, 1, 0)


@given(st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=5), st.integers(-1, 3))
def test_pad(rows: list[list[int]], value: int) -> None:
    padded = pad([np.array(row, np.uint16) for row in rows], value)
    assert padded.dtype == np.int64
    assert padded.shape == (len(rows), max(map(len, rows), default=0))
    for row, got in zip(rows, padded.tolist(), strict=True):
        assert got == row + [value] * (padded.shape[1] - len(row))


def test_pad_fills_with_the_padding_token() -> None:
    assert pad([[5], [6, 7]]).tolist() == [[5, 0], [6, 7]]
    assert Position() == Position(epoch=0, batch=0)
