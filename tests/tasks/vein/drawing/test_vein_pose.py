import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.tasks.vein.drawing.pose import Pose, back, corners, forward, upright

POSES = st.builds(Pose, st.floats(-15, 15), st.floats(-30, 30), st.floats(-30, 30), st.floats(0.85, 1.2))


@pytest.mark.parametrize(
    ("pose", "point", "there"),
    [
        (Pose(angle=-10, dx=-30), (2.32, 141.88), (-22.67, 100.90)),
        (Pose(angle=-10, dx=-30), (378.76, 155.45), (345.69, 179.64)),
        (Pose(angle=-10, dx=-30), (514.13, 141.88), (481.36, 189.78)),
        (Pose(scale=1.1), (514.13, 141.88), (541.64, 141.07)),
    ],
)
def test_check_06_landmarks(pose: Pose, point: tuple[float, float], there: tuple[float, float]) -> None:
    assert forward(pose, np.array([point]))[0] == pytest.approx(there, abs=0.01)


@given(POSES, st.floats(0, 600), st.floats(0, 300))
def test_back_undoes_forward(pose: Pose, x: float, y: float) -> None:
    point = np.array([[x, y]])
    assert back(pose, forward(pose, point)) == pytest.approx(point, abs=1e-8)


@given(POSES)
def test_a_box_moves_as_its_corners_do(pose: Pose) -> None:
    level = corners(np.array([239.0, 150.0]), (478.0, 120.0), 0.0)
    centre = forward(pose, np.array([[239.0, 150.0]]))[0]
    moved = corners(centre, (478 * pose.scale, 120 * pose.scale), pose.angle)
    assert forward(pose, level) == pytest.approx(moved, abs=1e-8)


@given(POSES)
def test_an_upright_box_stays_in_the_frame(pose: Pose) -> None:
    x0, y0, x1, y1 = upright(
        forward(pose, corners(np.array([239.0, 150.0]), (478.0, 120.0), 0.0)), (300, 600)
    )
    assert 0 <= x0 < x1 <= 599 and 0 <= y0 < y1 <= 299
