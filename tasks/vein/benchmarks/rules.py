"""Who trains, who is tested and which images are compared: all fingers of a subject stay on one side.

``open_set``    the first half of the subjects trains, the others are tested, every pair is compared
``sessions``    as ``open_set``, but images of session 1 are enrolled and those of session 2 are probes
``nom``         UTFVP: subjects 1-10 train, 11-28 develop, 29-60 are tested, session 1 against session 2
``tenth``       as ``open_set``, but the last tenth is tested, all others train: to pretrain on drawn fingers

The halves are of the ascending list of subjects that are there; of an odd number the larger half is tested.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError
from isofed.tasks.vein.benchmarks import pairs
from isofed.tasks.vein.benchmarks.tally import Tally

NOM = (10, 28)  # the last subject who trains, and the last of the development set
TESTED, FEWEST = 2, 3  # subjects that "tenth" tests at least, and of how many
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Takes:
    """Whom N images show, each (N,) int64, numbers as published and counted from 1.

    Attributes:
        subjects: the person.
        fingers: which finger of theirs.
        sessions: on which occasion.
        samples: which image of that finger and session.
    """

    subjects: Integers
    fingers: Integers
    sessions: Integers
    samples: Integers

    def __len__(self) -> int:
        return len(self.subjects)

    def take(self, rows: Integers) -> "Takes":
        """Return the labels of ``rows``."""
        return Takes(*(values[rows] for values in vars(self).values()))

    def ids(self) -> Integers:
        """Return each one's identity, (subject, finger) as one number: (N,) from 0, in their order."""
        span = int(self.fingers.max(initial=0)) + 1
        places: Integers = np.unique(self.subjects * span + self.fingers, return_inverse=True)[1]
        return places


@dataclass(frozen=True)
class Split:
    """Rows of the images on each side, ascending.

    Attributes:
        train, develop: to learn from, and to choose by.
        enrol: tested; against each other, or where there are probes against those alone.
        probe: None where every pair of ``enrol`` is compared.
    """

    train: Integers
    develop: Integers
    enrol: Integers
    probe: Integers | None = None


def open_set(takes: Takes) -> Split:
    """Return protocol (a): the first half of the subjects trains, all pairs of the second are compared.

    Raises:
        DataError: fewer than two subjects, or no finger tested has two images.
    """
    people = np.unique(takes.subjects)
    if len(people) < 2:
        raise DataError(
            f"{len(people)} subject is there; expected two or more, so that those tested are not trained on"
        )
    tested = np.isin(takes.subjects, people[len(people) // 2 :])
    enrol = np.flatnonzero(tested)
    refuse_single(takes.take(enrol))
    return Split(np.flatnonzero(~tested), enrol[:0], enrol)


def sessions(takes: Takes) -> Split:
    """Return protocol (b): the halves of (a), session 1 enrolled, session 2 as probes.

    Raises:
        DataError: as :func:`open_set`, or there is no finger tested with two sessions.
    """
    halves = open_set(takes)
    return _by_session(takes, halves.train, halves.develop, halves.enrol)


def nom(takes: Takes) -> Split:
    """Return protocol (c), UTFVP's "nom".

    Raises:
        DataError: nobody trains, or nobody is tested with two sessions.
    """
    last, developed = NOM
    train = np.flatnonzero(takes.subjects <= last)
    develop = np.flatnonzero((takes.subjects > last) & (takes.subjects <= developed))
    if not len(train):
        raise DataError(f"nobody of subjects 1 to {last} is there to train on; expected all 60 of UTFVP")
    return _by_session(takes, train, develop, np.flatnonzero(takes.subjects > developed))


def tenth(takes: Takes) -> Split:
    """Return all but the last tenth of the subjects to train on, and that tenth, two at least, to test.

    Raises:
        DataError: fewer than three subjects, or no finger tested has two images.
    """
    people = np.unique(takes.subjects)
    if len(people) < FEWEST:
        raise DataError(
            f"{len(people)} subjects are there; expected {FEWEST} or more, so that those tested are not "
            "trained on"
        )
    tested = np.isin(takes.subjects, people[-max(TESTED, len(people) // 10) :])
    enrol = np.flatnonzero(tested)
    refuse_single(takes.take(enrol))
    return Split(np.flatnonzero(~tested), enrol[:0], enrol)


RULES: dict[str, Callable[[Takes], Split]] = {
    "open_set": open_set,
    "sessions": sessions,
    "nom": nom,
    "tenth": tenth,
}


def gallery(takes: Takes) -> tuple[Integers, Integers]:
    """Return (rows enrolled, rows probed) of rank-1: the first sample of each finger, and all others."""
    ids = takes.ids()
    ordered = np.lexsort((takes.samples, takes.sessions, ids))
    first = np.zeros(len(takes), bool)
    first[ordered[np.unique(ids[ordered], return_index=True)[1]]] = True
    return np.flatnonzero(first), np.flatnonzero(~first)


def score(features: NDArray[np.floating], takes: Takes, split: Split) -> Tally:
    """Tally a split's comparisons, and rank-1 over all of its images.

    Args:
        features: (N, D) embeddings of all N images; the score is their cosine.
        takes: whom they show.
        split: of these N.

    Raises:
        DataError: a feature is not finite.
    """
    ids, vectors = takes.ids(), pairs.unit(features)
    asked = split.enrol if split.probe is None else np.concatenate([split.enrol, split.probe])
    known, probes = (asked[rows] for rows in gallery(takes.take(asked)))
    ranked = pairs.identified(vectors[known], ids[known], vectors[probes], ids[probes])
    if split.probe is None:
        return ranked + pairs.within(vectors[split.enrol], ids[split.enrol])
    return ranked + pairs.across(
        vectors[split.enrol], ids[split.enrol], vectors[split.probe], ids[split.probe]
    )


def refuse_single(takes: Takes) -> None:
    """Raise DataError unless some finger has two images, and there are two fingers."""
    counts = np.bincount(takes.ids()) if len(takes) else np.zeros(0, np.int64)
    if len(counts) < 2 or counts.max() < 2:
        raise DataError(
            f"the {len(takes)} images to test on show {len(counts)} fingers, {int((counts > 1).sum())} of "
            "them more than once; expected two fingers and two images of one: use a larger database"
        )


def _by_session(takes: Takes, train: Integers, develop: Integers, tested: Integers) -> Split:
    enrol, probe = (tested[takes.sessions[tested] == number] for number in (1, 2))
    ids = takes.ids()
    both = len(np.intersect1d(ids[enrol], ids[probe]))
    if not both:
        raise DataError(
            "no finger to test on was taken in two sessions; expected session 1 to enrol and session 2 to "
            "probe: use the rule open_set, which compares all pairs"
        )
    return Split(train, develop, enrol, probe)
