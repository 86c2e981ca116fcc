"""What a task is: one frozen value that names everything a federation needs to know about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from isofed.population import Numbered
from isofed.tasks.measures import Measure as Measure
from isofed.tasks.measures import Scores as Scores
from isofed.tasks.private import PrivateTraining

Statistics = Mapping[str, float]
Progress = Callable[[int, int], None]
EVALUATOR = "evaluator"  # who holds the benchmark's test data, where a function takes a site's name


@dataclass(frozen=True)
class Site:
    """A natural owner of data, found in a published layout.

    Args:
        name: such as ``cam1``; letters, digits, ``_`` and ``-``.
        facts: what a report may say of it, such as modality and place; never content.
    """

    name: str
    facts: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """Some rows of indexable inputs, read where they lie: ``part[places]`` is ``whole[rows[places]]``.

    Args:
        whole: indexable by an integer array, often memory-mapped; first axis N.
        rows: (n,) int64, each from 0 to N - 1.
    """

    whole: Any
    rows: Any

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, places: Any) -> Any:
        return self.whole[self.rows[places]]


@dataclass(frozen=True)
class Samples:
    """One site's own data.

    Args:
        inputs: indexable by an integer array, often memory-mapped; first axis N. Inputs that are more than
            rows have ``part(rows)``, and, where samples belong together, ``scenes``, (N,) int64, equal for
            those that are only held out together.
        labels: (N,) int64 rows of the head, -1 where nobody knows it, or None where a task has no labels.
        domains: (N,) int64, the kind of sensor behind each sample, or None; only a trainer that holds
            everything (``sharing``) may look at it.
    """

    inputs: Any
    labels: Any
    domains: Any = None

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: np.ndarray) -> "Samples":
        """Return the samples at ``rows``, (n,) int64, in that order, their inputs not copied."""
        part: Any = getattr(self.inputs, "part", None)
        return Samples(
            part(rows) if part else Part(self.inputs, rows),
            None if self.labels is None else self.labels[rows],
            None if self.domains is None else self.domains[rows],
        )


@dataclass(frozen=True)
class Batch:
    """What the model is fed: ``inputs`` (B, ...) and ``labels`` (B,) or None."""

    inputs: Any
    labels: Any


@dataclass(frozen=True)
class Finding:
    """One line of ``isofed data check``."""

    what: str
    found: str
    expected: str
    ok: bool


@dataclass(frozen=True)
class DataLayout:
    """A published folder layout: how to make a small synthetic one, and how to check a real one.

    Args:
        name: as written in ``data.layout=``.
        summary: one line for ``isofed list layouts``.
        options: dataclass of the generator's options.
        make: (folder, seed, options, map, progress) writes the tree, whole or not at all; ``map`` is the
            built-in one or one over several processes.
        check: (folder, progress) to findings.
        resolve: (folder, task options) to those of the task's options that only the data can tell, such as
            ``classes``, the rows of a shared head.
        sites: (folder, level name) to the owners of the training data; where they are so many that nobody
            lists them, to their names.
        open_train: (folder, site, cache folder, task options) to that site's samples.
        open_test: (folder, cache folder, task options) to the benchmark's test data.
        folders: (folder, site or None for all) to the folders beside which a level may be declared; a site
            looks into its own alone.
        lists: (folder, site or ``evaluator``, task options) to those lists of a tree that speak of several
            sites, cut to what this one's reader needs, by their paths below the folder; None for one that it
            can do without.
        levels: the privacy levels under which the layout has sites.
        owners: level name to what ``sites`` returns, where every tree of the layout has the same ones; None
            where each tree has its own.
    """

    name: str
    summary: str
    options: type[Any]
    make: Callable[[Path, int, Any, Any, Progress | None], None] = field(repr=False)
    check: Callable[[Path, Progress | None], Sequence[Finding]] = field(repr=False)
    resolve: Callable[[Path, Any], Mapping[str, int | str]] = field(repr=False)
    sites: Callable[[Path, str], tuple[Site, ...] | Numbered] = field(repr=False)
    open_train: Callable[[Path, str, Path, Any], Samples] = field(repr=False)
    open_test: Callable[[Path, Path, Any], Any] = field(repr=False)
    folders: Callable[[Path, str | None], tuple[Path, ...]] = field(
        default=lambda root, site: (root,), repr=False
    )
    lists: Callable[[Path, str, Any], Mapping[str, bytes | None]] = field(
        default=lambda root, site, options: {}, repr=False
    )
    levels: tuple[str, ...] = ("camera", "camera_strict", "entity", "sharing")
    owners: Callable[[str], tuple[Site, ...] | None] = field(default=lambda level: None, repr=False)


@dataclass(frozen=True)
class Training:
    """How a task trains; a benchmark or a generator has none.

    Args:
        sample: (samples, options, generator) to (steps, B) int64, the images of every step.
        transform: (samples, indices (B,), options, generator, device) to a batch on that device; seeded.
        loss: (output, labels, options) to a scalar tensor.
        loss_unit: ``"example"`` where the loss is a mean over examples, ``"batch"`` where examples meet.
        optimiser: (model, options) to a torch optimiser; its rates are peaks.
        rate: (rounds done, all rounds, options) to the factor on those rates; steps count as fractions.
        capabilities: attributes of the output that local terms may ask for.
        precision: options to ``float32``, ``bf16`` or ``fp16``, the arithmetic of forward and backward.
        keeps_optimiser: options to whether a site's optimiser state lives on from round to round.
        plain: options to whether a step is learning rate times gradient and nothing else.
        still: as ``transform`` without generator and labels, for evaluation; None where nothing is drawn.
        held: (round from 1, options) to prefixes of parameters that this round does not train.
        private: how it trains under differential privacy at a site, or None where it cannot.
        several: whether a sample may be of several of the head's rows at once; its label is then a number for
            that set and no row, and what looks labels up as rows is refused.
    """

    sample: Callable[[Samples, Any, Any], Any] = field(repr=False)
    transform: Callable[[Samples, Any, Any, Any, Any], Batch] = field(repr=False)
    loss: Callable[[Any, Any, Any], Any] = field(repr=False)
    loss_unit: str
    optimiser: Callable[[Any, Any], Any] = field(repr=False)
    rate: Callable[[float, int, Any], float] = field(repr=False)
    capabilities: tuple[str, ...] = ()
    precision: Callable[[Any], str] = field(default=lambda options: "float32", repr=False)
    keeps_optimiser: Callable[[Any], bool] = field(default=lambda options: True, repr=False)
    plain: Callable[[Any], bool] = field(default=lambda options: False, repr=False)
    still: Callable[[Samples, Any, Any, Any], Batch] | None = field(default=None, repr=False)
    held: Callable[[int, Any], tuple[str, ...]] = field(default=lambda number, options: (), repr=False)
    private: PrivateTraining | None = None
    several: bool = False


@dataclass(frozen=True)
class OwnBenchmark:
    """What a site can measure alone, on samples of its own that are never trained on.

    Args:
        words: what is measured, for every place where a number stands: ``"own people, unseen images"``.
        sums: options to the names of the statistics, all that leaves the site of a measurement.
        measure: (model, samples trained on, samples held out, options, device) to those numbers, which add
            up over disjoint sets of held-out samples.
        result: those sums to ``{"mean": {...}, "spread": {...}}`` of fractions, a greater one the better;
            of no sample at all, to empty ones.
    """

    words: str
    sums: Callable[[Any], tuple[str, ...]] = field(repr=False)
    measure: Callable[[Any, Samples, Samples, Any, Any], Statistics] = field(repr=False)
    result: Callable[[Statistics], Mapping[str, Mapping[str, float]]] = field(repr=False)


@dataclass(frozen=True)
class Task:
    """A published system as a federation sees it.

    Args:
        name: as written in ``task=``.
        summary: one line for ``isofed list tasks``.
        options: dataclass of all its numbers, plain scalars only; one of them is ``classes``.
        levels: the privacy levels under which it makes sense.
        layouts: the data layouts it reads.
        model: (options, torch generator) to the module.
        width: options to the width of ``features``.
        evaluate: (model, test data, options) to numbers that add up over disjoint queries.
        result: those sums to ``{"mean": {...}, "spread": {...}}``, and ``draw00`` and so on beside them where
            an evaluation is repeated.
        benchmark: (layout name, options) to what a report says of the evaluation's rules; raises ConfigError
            where the options do not fit the layout.
        pictures: (model, test data, options) to rows of a gallery, for the report.
        scores: of ``evaluate``'s sums, how comparisons by a score fell out, by test set, or None; ``result``
            has each set's measures as ``at NAME``.
        projection: (model, test data, options) to (vectors (n, D), thumbnails (n, h, w, 3) uint8, identities,
            cameras, modalities) for an embedding projector, and, where they are something else, what the
            last three are called; None where nothing is embedded.
        baselines: measurements without any model, from (test data, options), for the honest controls.
        owner: of a sample, in words: ``"camera"``.
        subject: of a sample, in words: the person; never on both sides of a split.
        sample: what one is, in words that reports count: ``"image"``.
        label: what a label names: ``"identity"``.
        head: state-dict prefixes of the task's head.
        head_evaluated: whether evaluation needs the head; retrieval does not.
        refit: (model, classes, torch generator) gives the model a fresh head of so many rows, for levels
            under which every site has a head of its own; None where a task has no such head.
        load: (model, file) copies public pre-trained weights into a model; None where there are none.
        suits: (options, level name) to a sentence that says why these options make no sense under that
            level, or None.
        statistics: options to whether the model keeps running statistics of its batches, as BatchNorm does,
            which no noise on changes hides; True for what is not known before the model is made.
        own: what a site can measure alone, or None.
        private_head: whether heads and identity centres tell who somebody is, so that they stay at the sites
            under every level under which anything leaves; needs ``head`` and ``refit``.
        measures: the evaluation's numbers in the order of a table, the first two at the top of a page and the
            first to choose a round by where one is chosen; none for those of re-identification.
        training: how it trains, or None.
    """

    name: str
    summary: str
    options: type[Any]
    levels: tuple[str, ...]
    layouts: Mapping[str, DataLayout]
    model: Callable[[Any, Any], Any] = field(repr=False)
    width: Callable[[Any], int] = field(repr=False)
    evaluate: Callable[[Any, Any, Any], Statistics] = field(repr=False)
    result: Callable[[Statistics], Mapping[str, Mapping[str, float]]] = field(repr=False)
    benchmark: Callable[[str, Any], Mapping[str, Any]] = field(
        default=lambda layout, options: {"benchmark": layout}, repr=False
    )
    pictures: Callable[[Any, Any, Any], Any] | None = field(default=None, repr=False)
    scores: Callable[[Statistics], Mapping[str, Scores]] | None = field(default=None, repr=False)
    projection: Callable[[Any, Any, Any], Any] | None = field(default=None, repr=False)
    baselines: Mapping[str, Callable[[Any, Any], Statistics]] = field(default_factory=dict, repr=False)
    owner: str = "site"
    subject: str = "person"
    sample: str = "image"
    label: str = "identity"
    head: tuple[str, ...] = ()
    head_evaluated: bool = True
    refit: Callable[[Any, int, Any], None] | None = field(default=None, repr=False)
    load: Callable[[Any, Path], None] | None = field(default=None, repr=False)
    suits: Callable[[Any, str], str | None] = field(default=lambda options, level: None, repr=False)
    statistics: Callable[[Any], bool] = field(default=lambda options: True, repr=False)
    own: OwnBenchmark | None = None
    private_head: bool = False
    measures: tuple[Measure, ...] = ()
    training: Training | None = None


def names(sites: tuple[Site, ...] | Numbered) -> Sequence[str]:
    """Return the names of a layout's sites."""
    return sites if isinstance(sites, Numbered) else tuple(site.name for site in sites)


def merge(a: Statistics, b: Statistics) -> Statistics:
    """Add two sets of statistics, name by name."""
    return {name: a.get(name, 0.0) + b.get(name, 0.0) for name in {**a, **b}}
