"""Tracklets: short films of one person before one camera, over one array of frames.

A network is fed a fixed number of frames of each. Which ones is the data set's own choice:

``strips``
    HITSZ-VCM: the tracklet is cut into ``count`` strips of ceil(length / count) frames, the last frame
    standing for what is missing at the end; training takes a random frame of each, testing the first.
``spread``
    BUPTCampus: training takes ``count`` random frames in order, none twice unless the tracklet is shorter;
    testing takes those at floor(i length / count).

Source: Lin et al., "Learning modal-invariant and temporal-memory for video-based visible-infrared person
re-identification", CVPR 2022; Du et al., "Video-based visible-infrared person re-identification with
auxiliary samples", IEEE TIFS 2024. L2RW's video experiments keep both choices, with 6 and 10 frames.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isofed.errors import ConfigError, DataError

ALONE = -1  # the partner of a tracklet without one
LAST = 2.0  # sorts behind every draw from 0..1

Rows = slice | np.ndarray


@dataclass(frozen=True)
class Tracklets:
    """T tracklets whose frames lie one behind the other.

    Attributes:
        frames: (F, H, W, 3) uint8, red, green, blue; possibly memory-mapped and read-only.
        starts: (T,) int64, each tracklet's first frame.
        lengths: (T,) int64, its frames, at least 1.
        ids: (T,) int64, the person's number as published.
        cams: (T,) int64, the camera's number.
        count: frames that stand for a tracklet.
        choice: how they are chosen, ``"strips"`` or ``"spread"``.
        partner: (T,) int64, the row of the same scene in the other modality, or -1; the visible one comes
            first. None where nobody has one.
    """

    frames: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    ids: np.ndarray
    cams: np.ndarray
    count: int
    choice: str = "strips"
    partner: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def scenes(self) -> np.ndarray:
        """Return (T,) int64, the same number for the two tracklets of a pair, which are of one scene."""
        rows = np.arange(len(self))
        if self.partner is None:
            return rows
        return np.minimum(rows, np.where(self.partner == ALONE, rows, self.partner))

    def part(self, rows: np.ndarray) -> "Tracklets":
        """Return the tracklets at ``rows``, their frames not copied; who loses its partner is alone."""
        return replace(
            self,
            starts=self.starts[rows],
            lengths=self.lengths[rows],
            ids=self.ids[rows],
            cams=self.cams[rows],
            partner=None if self.partner is None else self._places(rows)[self.partner[rows]],
        )

    def _places(self, rows: np.ndarray) -> np.ndarray:
        """Return for each row its place among ``rows``, -1 for one that is not there, and for row -1."""
        places = np.full(len(self) + 1, ALONE, np.int64)  # the last one is what -1 reads
        places[rows] = np.arange(len(rows))
        return places

    def batch(self, rows: Rows) -> np.ndarray:
        """Return what the network is fed in evaluation: (n, count, H, W, 3) uint8, always the same frames."""
        still, _ = CHOICES[self.choice]
        return self._frames(rows, still(self.lengths[rows], self.count))

    def draw(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return what the network is fed in training: (n, count, H, W, 3) uint8, frames chosen at random.

        Where a tracklet follows its partner in ``rows``, both show the same moments: the films are aligned.

        Args:
            rows: (n,) tracklets.
            rng: where the draws come from.
        """
        _, drawn = CHOICES[self.choice]
        leads, lengths = self._leads(rows), self.lengths[rows]
        np.minimum.at(lengths, leads, self.lengths[rows])  # of two films, the shorter decides
        return self._frames(rows, drawn(lengths, self.count, rng)[leads])

    def _leads(self, rows: np.ndarray) -> np.ndarray:
        """Return for each place of a batch the place whose moments it shows: its own, or its partner's."""
        leads = np.arange(len(rows))
        if self.partner is not None:
            second = np.flatnonzero(self.partner[rows[: len(rows) // 2 * 2 : 2]] == rows[1::2]) * 2 + 1
            leads[second] -= 1
        return leads

    def _frames(self, rows: Rows, moments: np.ndarray) -> np.ndarray:
        chosen: np.ndarray = self.frames[self.starts[rows][:, None] + moments]
        return chosen


def drawn(inputs: Any, rows: np.ndarray, rng: np.random.Generator) -> Any:
    """Return training inputs: frames drawn from tracklets, or plain images as they are.

    Args:
        inputs: a site's samples: :class:`Tracklets`, or (N, H, W, 3) images.
        rows: (n,) which of them.
        rng: where the draws come from; images leave it as it was.
    """
    return inputs.draw(rows, rng) if isinstance(inputs, Tracklets) else inputs[rows]


def still(inputs: Any, rows: np.ndarray) -> Any:
    """Return inputs as evaluation is fed them: always the same frames of tracklets, or plain images."""
    return inputs.batch(rows) if isinstance(inputs, Tracklets) else inputs[rows]


def partners(inputs: Any) -> np.ndarray:
    """Return (T,) rows of the partners in the other modality, -1 for none.

    Raises:
        ConfigError: a site's samples are images.
        DataError: they are tracklets, and nobody has a partner.
    """
    if not isinstance(inputs, Tracklets):
        raise ConfigError(
            "'paired' is true, but this data set holds images; expected tracklets in pairs, such as "
            "buptcampus has: set task.paired=false"
        )
    if inputs.partner is None or not (inputs.partner != ALONE).any():
        raise DataError(
            "no tracklet of this site has a partner in the other modality; expected pairs, such as "
            "buptcampus has: set task.paired=false"
        )
    return inputs.partner


def strips(lengths: np.ndarray, count: int) -> np.ndarray:
    """Return the first frame of each of ``count`` equal strips: (n,) to (n, count)."""
    return _of_strips(lengths, count, np.zeros((len(lengths), count), np.int64))


def strips_drawn(lengths: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random frame of each of ``count`` equal strips: (n,) to (n, count)."""
    wide = -(-lengths // count)
    return _of_strips(lengths, count, rng.integers(0, wide[:, None], (len(lengths), count)))


def _of_strips(lengths: np.ndarray, count: int, inside: np.ndarray) -> np.ndarray:
    wide = -(-lengths // count)
    moments: np.ndarray = np.minimum(wide[:, None] * np.arange(count) + inside, lengths[:, None] - 1)
    return moments


def spread(lengths: np.ndarray, count: int) -> np.ndarray:
    """Return evenly spaced frames, floor(i length / count): (n,) to (n, count)."""
    moments: np.ndarray = np.arange(count) * lengths[:, None] // count
    return moments


def spread_drawn(lengths: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return random frames in order, different ones where there are enough: (n,) to (n, count)."""
    longest = max(int(lengths.max(initial=0)), count)
    keys = rng.random((len(lengths), longest))
    keys[np.arange(longest) >= lengths[:, None]] = LAST
    without = np.argsort(keys, axis=1, kind="stable")[:, :count]
    replaced = rng.integers(0, lengths[:, None], (len(lengths), count))
    return np.sort(np.where((lengths < count)[:, None], replaced, without), axis=1)


Still = Callable[[np.ndarray, int], np.ndarray]
Drawn = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
CHOICES: dict[str, tuple[Still, Drawn]] = {
    "strips": (strips, strips_drawn),
    "spread": (spread, spread_drawn),
}
