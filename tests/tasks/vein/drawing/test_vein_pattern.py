import numpy as np
import pytest

from isofed.tasks.vein.drawing.finger import Finger, identity
from isofed.tasks.vein.drawing.graph import Graph, Vessel, attachments, connected
from isofed.tasks.vein.drawing.outline import box_height
from isofed.tasks.vein.drawing.pattern import euler, numbers, suits
from isofed.tasks.vein.drawing.raster import AROUND


def check(fingers: list[Finger]) -> None:
    """Assert the bands of every pattern, and that no two patterns are alike."""
    for finger in fingers:
        assert suits(finger.graph, finger.neutral[2], box_height(finger.identity)), finger.number
        for vessel in finger.graph.vessels:
            assert np.abs(vessel.points[:, 1]).max() < AROUND - 0.35
    masks = np.stack([(finger.neutral[2] > 0).ravel() for finger in fingers]).astype(np.float32)
    both, sizes = masks @ masks.T, masks.sum(1)
    overlap = both / (sizes + sizes[:, None] - both)
    np.fill_diagonal(overlap, 0)
    assert overlap.max() < 0.5


def test_check_10_some_patterns() -> None:
    check([identity(2, number) for number in range(12)])


@pytest.mark.slow
@pytest.mark.long  # the same of twelve is above
def test_check_10_two_hundred_patterns() -> None:
    check([identity(0, number) for number in range(200)])


def test_a_finger_is_a_function_of_seed_and_number() -> None:
    one, again, other, older = identity(4, 7), identity(4, 7), identity(4, 8), identity(5, 7)
    assert np.array_equal(one.neutral, again.neutral) and one.identity == again.identity
    for else_ in (other, older):
        assert else_.identity != one.identity and not np.array_equal(else_.neutral[2], one.neutral[2])


def test_numbers_of_a_known_pattern() -> None:
    points = np.stack([np.linspace(0, 470, 100), np.zeros(100)], axis=1)
    vessel = Vessel(points, np.full(100, 6.0), 0.8, 0)
    inside = np.full((270, 680), -3.0, np.float32)
    for y in (120, 150, 180):
        # rows of the canvas begin at 15, columns at -56
        inside[y - 15 - 3 : y - 15 + 3, 56 : 56 + 478] = 1.0
    # two rungs close two loops
    inside[120 - 15 : 180 - 15, 56 + 100 : 56 + 106] = 1.0
    inside[120 - 15 : 180 - 15, 56 + 300 : 56 + 306] = 1.0
    found = numbers(Graph((vessel,)), inside, 120.0)
    assert (found.width, found.loops, found.junctions) == (6.0, 2, 0)
    assert found.columns == pytest.approx(1 - 12 / 478, abs=1e-3)
    assert found.coverage == pytest.approx((18 * 478 + 12 * 48) / (120 * 478), abs=1e-3)


@pytest.mark.parametrize(("holes", "pieces"), [(0, 1), (1, 1), (3, 1), (2, 4)])
def test_the_euler_number(holes: int, pieces: int) -> None:
    mask = np.zeros((60, 60), bool)
    mask[5:15, 5:55] = True
    for hole in range(holes):
        mask[8:12, 10 + 6 * hole : 13 + 6 * hole] = False
    for piece in range(1, pieces):
        mask[20 + 5 * piece, 10:20] = True
    assert euler(mask) == pieces - holes


def test_only_the_greatest_component_is_kept() -> None:
    def vessel(length: float, *joined: int) -> Vessel:
        return Vessel(np.array([[0.0, 0.0], [length, 0.0]]), np.full(2, 5.0), 0.8, 0, joined)

    kept = connected([vessel(10), vessel(50), vessel(20, 0), vessel(30, 1), vessel(5, 3)])
    assert [float(v.points[1, 0]) for v in kept] == [50, 30, 5]
    assert [v.joined for v in kept] == [(), (0,), (1,)]
    assert attachments(kept) == 2


def test_vessels_are_one_piece_by_their_joints() -> None:
    graph = identity(2, 0).graph
    assert len(connected(list(graph.vessels))) == len(graph)
