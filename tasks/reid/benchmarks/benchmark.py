"""The evaluation rules of the re-identification data sets, from embeddings to mergeable statistics."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isofed.errors import ConfigError, DataError
from isofed.suggest import pick
from isofed.tasks.reid.benchmarks.distances import METRICS
from isofed.tasks.reid.benchmarks.draws import DRAWS, MISSING_PERMUTATIONS, galleries
from isofed.tasks.reid.benchmarks.embeddings import Embeddings, embeddings
from isofed.tasks.reid.benchmarks.ranks import count
from isofed.tasks.reid.benchmarks.retrieval import RULES, Integers, Labels, Rule, order
from isofed.tasks.reid.benchmarks.tally import Statistics
from isofed.tasks.reid.benchmarks.walk import CHUNK

SEARCHES = {"all": (1, 2, 4, 5), "indoor": (1, 2)}
SHOTS = (1, 10)
AUTO = "auto"
LLCM_CAMERAS = tuple(range(1, 10))


@dataclass(frozen=True)
class Benchmark:
    """One way of evaluating; build it with :func:`benchmark`, which checks the combination.

    Attributes:
        rule: a key of ``RULES``, named after its data set.
        search: ``all`` or ``indoor``; only ``sysu`` has ``indoor``.
        shots: gallery images per (identity, camera) and draw, 1 or 10; unused by ``none``.
        draws: ``agw``, ``official`` (``sysu`` only) or ``none``.
        metric: ``cosine`` or ``euclidean``.
        permutations: path of ``rand_perm_cam.mat`` for ``official``.
    """

    rule: str = "sysu"
    search: str = "all"
    shots: int = 1
    draws: str = "agw"
    metric: str = "cosine"
    permutations: Path | None = None

    def cameras(self, gallery: Labels) -> Sequence[int]:
        """Return the gallery cameras that are searched; most rules search all there are."""
        if self.rule == "sysu":
            return SEARCHES[self.search]
        return LLCM_CAMERAS if self.rule == "llcm" else np.unique(gallery.cams).tolist()


def benchmark(
    rule: str = "sysu",
    search: str = "all",
    shots: int = 1,
    draws: str = AUTO,
    metric: str = "cosine",
    permutations: Path | None = None,
) -> Benchmark:
    """Return a checked :class:`Benchmark`; draws ``auto`` are what the data set's papers use.

    Raises:
        ConfigError: an unknown name, or parts that do not belong together.
    """
    usual = pick("rule", rule, RULES).draws
    pick("search", search, SEARCHES)
    pick("metric", metric, METRICS)
    pick("draws", draws, {AUTO: None, **DRAWS})
    draws = usual if draws == AUTO else draws
    made = Benchmark(rule, search, shots, draws, metric, permutations)
    _check_combination(made)
    return made


def _check_combination(made: Benchmark) -> None:
    """Raise :class:`ConfigError` for parts that do not belong together."""
    sysu, official, whole = made.rule == "sysu", made.draws == "official", made.draws == "none"
    undrawn = RULES[made.rule].draws == "none"
    refusals = (
        (made.shots not in SHOTS, f"shots must be 1 or 10, found {made.shots}"),
        (
            not sysu and made.search != "all",
            f"only the sysu rule has an indoor search, not {made.rule}: set search to all",
        ),
        (
            not sysu and official,
            f"official draws exist for the sysu rule only, not for {made.rule}: set draws to auto",
        ),
        (
            undrawn and not whole,
            f"the {made.rule} rule ranks the whole gallery and has no draws {made.draws}: set draws to auto",
        ),
        (whole and made.shots != 1, "without draws the whole gallery is ranked: leave shots at 1"),
        (official and made.permutations is None, MISSING_PERMUTATIONS),
    )
    for applies, sentence in refusals:
        if applies:
            raise ConfigError(sentence)


def _check_cameras(rule: str, query: Labels, gallery: Labels) -> None:
    """Raise :class:`DataError` where a camera number has no meaning under the rule."""
    known = {"sysu": ((3, 6), SEARCHES["all"]), "llcm": (LLCM_CAMERAS, LLCM_CAMERAS)}
    for side, cams, allowed in zip(
        ("query", "gallery"), (query.cams, gallery.cams), known.get(rule, ()), strict=False
    ):
        odd = np.setdiff1d(cams, allowed)
        if len(odd):
            raise DataError(
                f"{side}_cams hold {odd[0]} where the {rule} rule knows {', '.join(map(str, allowed))}"
            )


def gallery_draws(setting: Benchmark, query: Embeddings, gallery: Embeddings) -> list[Integers]:
    """Return the gallery rows of every draw, after checking that both sides fit the setting.

    Raises:
        DataError: features of two widths, cameras unknown to the rule, an empty gallery, or a
            permutation file that cannot be read or does not fit.
    """
    widths = query.features.shape[1], gallery.features.shape[1]
    if widths[0] != widths[1]:
        raise DataError(f"query features have {widths[0]} dimensions and gallery features {widths[1]}")
    _check_cameras(setting.rule, query.labels, gallery.labels)
    cameras = setting.cameras(gallery.labels)
    return galleries(setting.draws, gallery.labels, cameras, setting.shots, setting.permutations)


def evaluate(
    setting: Benchmark, query: Embeddings, gallery: Embeddings, chunk: int = CHUNK
) -> tuple[Statistics, ...]:
    """Return the statistics of every draw; the gallery holds all images in file order.

    Args:
        chunk: queries compared at a time; memory grows with it, results do not change.

    Raises:
        DataError: see :func:`gallery_draws`.
    """
    draws = gallery_draws(setting, query, gallery)
    return score_draws(query, gallery, RULES[setting.rule], draws, setting.metric, chunk)


def score_draws(
    query: Embeddings,
    gallery: Embeddings,
    rule: Rule,
    draws: Sequence[Integers],
    metric: str = "cosine",
    chunk: int = CHUNK,
) -> tuple[Statistics, ...]:
    """Score galleries given as columns; nothing of the whole gallery's size is copied."""
    measure = METRICS[metric]

    def scored(draw: Integers) -> Statistics:
        def against(columns: Integers) -> Callable[[Integers], NDArray[np.float32]]:
            prepared = measure.prepare(gallery.features[draw[columns]])
            return lambda rows: measure.between(query.features[rows], prepared)

        return count(against, query.labels, gallery.labels.take(draw), rule, chunk)

    return tuple(scored(draw) for draw in draws)


def evaluate_sysu(
    query_features: ArrayLike,
    query_ids: ArrayLike,
    query_cams: ArrayLike,
    gallery_features: ArrayLike,
    gallery_ids: ArrayLike,
    gallery_cams: ArrayLike,
    search: str = "all",
    shots: int = 1,
    draws: str = "agw",
    permutations: Path | None = None,
    metric: str = "cosine",
) -> tuple[Statistics, ...]:
    """Evaluate on SYSU-MM01: infrared queries of cameras 3 and 6, all visible test images as gallery.

    Returns:
        One :class:`Statistics` per draw: ten, or one for draws ``none``.

    Raises:
        ConfigError, DataError: see :func:`benchmark`, :func:`embeddings` and :func:`evaluate`.
    """
    setting = benchmark("sysu", search, shots, draws, metric, permutations)
    query = embeddings("query", query_features, query_ids, query_cams)
    gallery = embeddings("gallery", gallery_features, gallery_ids, gallery_cams)
    return evaluate(setting, query, gallery)


def summarise(draws: Sequence[Statistics]) -> dict[str, dict[str, float]]:
    """Return ``{"R1": {"mean": m, "spread": s}, ...}`` over draws, each from 0 to 1.

    The spread is the sample standard deviation over draws of one model, 0 for a single draw; it
    says nothing about the spread over training seeds.

    Raises:
        DataError: a draw in which no query has a correct gallery image.
    """
    results = [statistic.result() for statistic in draws]
    columns = {name: np.array([result[name] for result in results]) for name in results[0]}
    return {
        name: {"mean": float(column.mean()), "spread": float(column.std(ddof=1)) if len(column) > 1 else 0.0}
        for name, column in columns.items()
    }


@dataclass(frozen=True)
class Ranking:
    """The first k gallery images of Q queries, for pictures.

    Attributes:
        columns: int64 (Q, k), gallery rows; -1 where fewer than k images are left.
        right: bool (Q, k), whether the image shows the query's person.
    """

    columns: Integers
    right: NDArray[np.bool_]


def ranking(query: Embeddings, gallery: Embeddings, k: int, rule: str, metric: str = "cosine") -> Ranking:
    """Rank ``gallery`` for each query and return the first ``k``, excluded images left out.

    Args:
        query: the chosen queries only; one block of Q x G distances is held in memory.
        gallery: for example one draw, ``gallery.take(columns)``.
    """
    measure = pick("metric", metric, METRICS)
    distances = measure.between(query.features, measure.prepare(gallery.features))
    ranked = order(distances, query.labels, gallery.labels, pick("rule", rule, RULES))
    columns = np.full((len(query), k), -1, np.int64)
    right = np.zeros((len(query), k), bool)
    width = min(k, len(gallery))
    counts = np.arange(width) < ranked.kept[:, None]
    columns[:, :width] = np.where(counts, ranked.columns[:, :width], -1)
    right[:, :width] = ranked.right[:, :width]
    return Ranking(columns, right)
