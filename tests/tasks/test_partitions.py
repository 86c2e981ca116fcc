"""How samples are divided among virtual clients: each exactly once, the same again, and as it says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import CompositionError, ConfigError, DataError
from isofed.tasks import TASKS
from isofed.tasks.partitions import OWNED, PARTITIONS, Partition, divide, divided
from isofed.tasks.task import Samples

KINDS = st.lists(st.integers(-1, 5), min_size=40, max_size=200)


def samples(kinds: list[int], domains: Any = (0, 1)) -> Samples:
    labels = np.array(kinds, np.int64)
    return Samples(np.arange(len(kinds)), labels, np.resize(np.array(domains, np.int64), len(kinds)))


@given(
    KINDS,
    st.sampled_from(sorted(PARTITIONS)),
    st.integers(2, 8),
    st.floats(0.01, 100.0),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_every_sample_goes_to_exactly_one_client(
    kinds: list[int], name: str, clients: int, alpha: float, shards: int, least: int, seed: int
) -> None:
    how, pool = Partition(name, clients, alpha, shards, least), samples(kinds)
    parts = divide(pool, how, seed)
    assert len(parts) == clients and min(map(len, parts)) >= least
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(kinds)))
    assert all((np.diff(part) > 0).all() for part in parts)
    assert all(np.array_equal(a, b) for a, b in zip(parts, divide(pool, how, seed), strict=True))


def entropy(part: np.ndarray, of: np.ndarray) -> float:
    share = np.bincount(of[part]) / len(part)
    return float(-(share[share > 0] * np.log(share[share > 0])).sum())


@pytest.mark.parametrize(("name", "of"), [("dirichlet", "labels"), ("feature", "domains")])
def test_a_small_alpha_sets_clients_apart_and_a_large_one_does_not(name: str, of: str) -> None:
    pool = samples([n % 5 for n in range(2000)], (0, 0, 0, 1, 1, 2))
    found = np.asarray(getattr(pool, of))
    apart, alike = (
        np.mean([entropy(part, found) for part in divide(pool, Partition(name, 8, alpha), 0)])
        for alpha in (0.02, 1000.0)
    )
    assert apart < 0.5 * alike and alike > 0.95 * entropy(np.arange(2000), found)


def test_shards_give_each_client_few_classes_and_equally_many_samples() -> None:
    pool = samples([n % 10 for n in range(1000)])
    parts = divide(pool, Partition("shards", 5, shards=2), 3)
    assert {len(part) for part in parts} == {200}
    assert all(len(np.unique(pool.labels[part])) <= 2 for part in parts)


def test_quantity_gives_unlike_sizes_of_like_classes() -> None:
    pool = samples([n % 4 for n in range(4000)])
    parts = divide(pool, Partition("quantity", 6, alpha=0.5), 1)
    sizes = sorted(map(len, parts))
    assert sizes[-1] > 3 * sizes[0]
    assert max(np.bincount(pool.labels[max(parts, key=len)])) < 1.2 * sizes[-1] / 4


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"partition": "dirichle"}, "did you mean 'dirichlet'"),
        ({"clients": 1}, "'clients' is 1"),
        ({"alpha": 0.0}, "'alpha' is 0.0"),
        ({"shards": 0}, "'shards' is 0"),
        ({"least": 0}, "'least' is 0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Partition(**values)


def test_what_cannot_be_divided_is_refused() -> None:
    with pytest.raises(DataError, match="there are 40 samples, too few for 8 clients of at least 6"):
        divide(samples([0] * 40), Partition("shards", 8, least=6), 0)
    with pytest.raises(DataError, match="no kinds of sensors to divide by"):
        divide(samples([0] * 40, (1,)), Partition("feature", 2), 0)
    with pytest.raises(DataError, match="no labels to divide by"):
        divide(replace(samples([0] * 40), labels=None), Partition("dirichlet", 2), 0)
    layout = TASKS["reid"].layouts["sysu"]
    for level in OWNED:
        with pytest.raises(CompositionError, match=f"under protocol={level} a camera's pictures are its own"):
            Partition("shards").refuse(level, layout)
    with pytest.raises(CompositionError, match="nobody who holds everything"):
        Partition("shards").refuse("entity", replace(layout, levels=("entity",)))
    Partition("shards").refuse("entity", layout)
    Partition().refuse("camera", layout)


def test_a_divided_layout_shows_rows_of_the_pool(tmp_path: Path) -> None:
    """With real reading: clients' pictures, put together, are those of one trainer who holds everything."""
    task = TASKS["reid"]
    layout, root = task.layouts["sysu"], tmp_path / "data"
    layout.make(root, 0, layout.options(16, 4, 4, 0.5, 32, 16), map, None)
    options = task.options(**{"height": 32, "width": 16, **layout.resolve(root, task.options())})
    assert divided(layout, None, 0) is layout and divided(layout, Partition(), 0) is layout
    made = divided(layout, Partition("dirichlet", 3, least=4), 5)
    sites = [site.name for site in made.sites(root, "entity")]
    assert sites == ["client0", "client1", "client2"]
    parts = [made.open_train(root, site, tmp_path / "homes" / site / "train", options) for site in sites]
    (pooled,) = made.sites(root, "sharing")
    whole = made.open_train(root, pooled.name, tmp_path / "homes" / "all" / "train", options)
    assert sum(map(len, parts)) == len(whole)
    assert sorted(np.concatenate([part.labels for part in parts]).tolist()) == sorted(whole.labels.tolist())
    seen = sorted(part.inputs[np.array([row])].tobytes() for part in parts for row in range(len(part)))
    assert seen == sorted(whole.inputs[np.array([row])].tobytes() for row in range(len(whole)))
    assert parts[0].inputs.whole is parts[1].inputs.whole
