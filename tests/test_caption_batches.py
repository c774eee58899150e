from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.data.caption_batches import caption_batches, group_captions
from seqgen.data.captions import read_captions
from seqgen.errors import UserError

ROWS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 20)), min_size=1, max_size=40)


def columns(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    images, lengths = np.array(rows, np.int32).T
    return lengths, images


def least_cost(lengths: list[int], most: int, image_cost: int) -> int:
    """By trying every way to cut the sorted lengths."""
    lengths = sorted(lengths)
    costs = []
    for cuts in product([False, True], repeat=len(lengths) - 1):
        groups = [[lengths[0]]]
        for cut, length in zip(cuts, lengths[1:], strict=True):
            if cut:
                groups.append([])
            groups[-1].append(length)
        if all(len(g) == 1 or len(g) * max(g) <= most for g in groups):
            costs.append(sum(len(g) * max(g) + image_cost for g in groups))
    return min(costs)


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), min_size=1, max_size=14),
    most=st.integers(1, 60),
    image_cost=st.integers(0, 30),
)
def test_groups_are_the_cheapest_of_all(
    rows: list[tuple[int, int]], most: int, image_cost: int
) -> None:
    lengths, images = columns(rows)
    groups = group_captions(lengths, images, most, image_cost)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(rows)))
    for group in groups:
        assert len(set(images[group].tolist())) == 1
        assert np.all(np.diff(lengths[group]) >= 0)
        assert len(group) == 1 or len(group) * lengths[group].max() <= most
    for image in set(images.tolist()):
        own = [group for group in groups if images[group[0]] == image]
        cost = sum(len(g) * int(lengths[g].max()) + image_cost for g in own)
        assert cost == least_cost(lengths[images == image].tolist(), most, image_cost)


@settings(deadline=None)
@given(
    rows=ROWS,
    batch_tokens=st.integers(1, 200),
    seed=st.integers(-3, 2**70),
    epoch=st.integers(0, 9),
    world=st.integers(1, 4),
)
def test_an_epoch_is_every_caption_once_within_budget(
    rows: list[tuple[int, int]], batch_tokens: int, seed: int, epoch: int, world: int
) -> None:
    lengths, images = columns(rows)
    key = (batch_tokens, seed, epoch)
    shards = [caption_batches(lengths, images, *key, rank, world) for rank in range(world)]
    assert len({len(shard) for shard in shards}) == 1
    batches = [batch for shard in shards for batch in shard]
    found = np.concatenate(batches).tolist()
    assert set(found) == set(range(len(rows)))
    if world == 1 or max(map(len, batches)) > 1:
        assert len(found) == len(rows)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= batch_tokens
    again = caption_batches(lengths, images, *key, world - 1, world)
    assert [b.tolist() for b in again] == [b.tolist() for b in shards[-1]]
    whole = {tuple(g.tolist()) for g in group_captions(lengths, images, batch_tokens)}
    if world == 1:  # sharing among more may halve a batch within a group
        for group in whole:
            assert sum(set(group) <= set(batch.tolist()) for batch in batches) == 1


def some_captions(images: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    lengths = rng.poisson(11, images * 5) + 1
    return lengths, np.repeat(np.arange(images), 5)


def test_captions_of_an_image_stay_together_if_it_is_dear() -> None:
    lengths, images = some_captions()
    for batch in caption_batches(lengths, images, 2000, 1, 0, image_cost=10**6):
        assert np.all(np.unique(images[batch], return_counts=True)[1] == 5)
    alone = group_captions(lengths, images, 2000, image_cost=0)
    assert all(len(set(lengths[group].tolist())) == 1 for group in alone)


def test_order_and_company_change_with_seed_and_epoch() -> None:
    lengths, images = some_captions()
    runs = [caption_batches(lengths, images, 500, *key) for key in ((1, 0), (1, 1), (2, 0))]
    for i, one in enumerate(runs):
        for other in runs[:i]:
            same = {frozenset(b.tolist()) for b in one} & {frozenset(b.tolist()) for b in other}
            assert len(same) < 0.1 * len(one)
    means = [lengths[batch].mean() for batch in runs[0]]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_processes_meet_batches_of_similar_length() -> None:
    lengths, images = some_captions()
    first, second = (caption_batches(lengths, images, 500, 1, 0, rank, 2) for rank in range(2))
    gaps = [abs(lengths[a].max() - lengths[b].max()) for a, b in zip(first, second, strict=True)]
    assert np.mean(gaps) < 1


def test_no_captions_is_an_error() -> None:
    with pytest.raises(UserError, match="no captions to train on"):
        caption_batches(np.zeros(0, np.int32), np.zeros(0, np.int32), 10, 1, 0)


def test_flickr8k_is_little_padded_and_encodes_images_seldom(real_data) -> None:
    folder: Path = real_data("flickr8k")
    captioned = read_captions(folder, split="train")
    lengths = np.array([len(c.split()) + 1 for one in captioned for c in one.captions])
    images = np.repeat(np.arange(len(captioned)), 5)
    batches = caption_batches(lengths, images, 4000, 1, 0)
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    assert lengths.sum() / padded >= 0.85
    encoded = sum(len(np.unique(images[batch])) for batch in batches)
    assert encoded / len(captioned) <= 2
