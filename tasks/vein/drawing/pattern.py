"""Numbers of a vein pattern, and which patterns a finger may have."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.graph import Graph, attachments
from isofed.tasks.vein.drawing.identities import PIVOT
from isofed.tasks.vein.drawing.outline import BOX, LEFT, TOP

Mask = NDArray[np.bool_]
Ends = tuple[float, float]
VESSELS: Ends = (3, 7)  # in a column
COLUMNS_OK = 0.70  # share of the columns that must have so many
WIDTHS: Ends = (4.0, 8.0)  # median, pixels
COVERAGE: Ends = (0.12, 0.30)  # of the ROI box
JUNCTIONS, LOOPS = 8, 4  # at least


@dataclass(frozen=True)
class Numbers:
    """What is counted of a pattern in neutral pose.

    Attributes:
        columns: share of the ROI's columns with 3 to 7 vessels.
        width: median of the vessels' diameters along their length, pixels.
        coverage: share of the ROI box that is vein.
        junctions: places where vessels meet: branchings, ends of bridges, crossings as seen.
        loops: closed meshes, as seen.
    """

    columns: float
    width: float
    coverage: float
    junctions: int
    loops: int


def numbers(graph: Graph, inside: NDArray[np.float32], height: float) -> Numbers:
    """Count a pattern.

    Args:
        graph: the vessels.
        inside: the canvas's distances inside vessels, neutral pose.
        height: of the ROI box, pixels.
    """
    mask = inside > 0
    top, bottom = int(PIVOT[1] - height / 2 - TOP), int(PIVOT[1] + height / 2 - TOP)
    roi = mask[top:bottom, -LEFT : -LEFT + int(BOX)]
    runs = (np.diff(mask[:, -LEFT : -LEFT + int(BOX)].astype(np.int8), axis=0) == 1).sum(0)
    # columns beyond the last vessel have none to count
    within = (VESSELS[0] <= runs) & (runs <= VESSELS[1])
    loops = 1 - euler(mask[:, -LEFT:])
    return Numbers(float(within.mean()), _width(graph), float(roi.mean()), attachments(graph.vessels), loops)


def suits(graph: Graph, inside: NDArray[np.float32], height: float) -> bool:
    """Tell whether a pattern is one that a finger may have."""
    found = numbers(graph, inside, height)
    return (
        found.columns >= COLUMNS_OK
        and WIDTHS[0] <= found.width <= WIDTHS[1]
        and COVERAGE[0] <= found.coverage <= COVERAGE[1]
        and found.junctions >= JUNCTIONS
        and found.loops >= LOOPS
    )


def promising(graph: Graph) -> bool:
    """Tell whether a pattern may suit, from the graph alone: drawing it takes longer than growing it."""
    at = np.arange(0, BOX, 10.0)
    ends = np.array([(v.points[:, 0].min(), v.points[:, 0].max()) for v in graph.vessels])
    count = ((ends[:, :1] <= at) & (at <= ends[:, 1:])).sum(0)
    enough = float((count >= VESSELS[0]).mean()) >= COLUMNS_OK
    return enough and attachments(graph.vessels) >= JUNCTIONS and WIDTHS[0] <= _width(graph) <= WIDTHS[1]


def euler(mask: Mask) -> int:
    """Return the components less the holes of a mask, pixels touching at corners being together.

    Counted from the 2 x 2 windows with one, three, and two opposite pixels set: ``(n1 - n3 - 2 nd) / 4``.

    Source: S. B. Gray, "Local Properties of Binary Images in Two Dimensions", 1971.
    """
    m = np.pad(mask, 1).astype(np.int8)
    a, b, c, d = m[:-1, :-1], m[:-1, 1:], m[1:, :-1], m[1:, 1:]
    total = a + b + c + d
    opposite = (total == 2) & (a == d)
    return int((total == 1).sum() - (total == 3).sum() - 2 * opposite.sum()) // 4


def _width(graph: Graph) -> float:
    return float(np.median(np.concatenate([vessel.diameters for vessel in graph.vessels])))
