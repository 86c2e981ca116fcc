"""Pictures of the report: which clips, what is right, and maps that light up where something is."""

import numpy as np
import pytest
import torch

from isofed.tasks.action_units import pictures
from isofed.tasks.action_units.infused_maps import concentration, energy, saliency, watched
from isofed.tasks.action_units.infusion import infused
from isofed.tasks.action_units.layouts.motions import Motions, TestClips
from isofed.tasks.action_units.model import InfuseNet, build, joined
from isofed.tasks.action_units.options import ActionUnitOptions

SIDE = 32


@pytest.fixture(scope="module")
def network() -> InfuseNet:
    return build(torch.Generator().manual_seed(0), width=8).eval()


def clips(labels: list[int]) -> TestClips:
    rng, n = np.random.default_rng(0), len(labels)
    flow = rng.random((n, 3, SIDE, SIDE)).astype(np.float16)
    moved = rng.random((n, 64, SIDE // 4, SIDE // 4)).astype(np.float16)
    zero = np.zeros(n, np.int64)
    return TestClips(Motions(flow, moved, zero), np.array(labels), zero, zero)


def fed(count: int = 2) -> torch.Tensor:
    made = torch.Generator().manual_seed(3)
    flow = torch.rand(count, 3, SIDE, SIDE, generator=made)
    return joined(flow, torch.rand(count, 64, SIDE // 4, SIDE // 4, generator=made))


def test_rows_show_clips_with_a_unit(network: InfuseNet) -> None:
    found = pictures.rows(network, clips([0, 5, 0, 4, 1]), ActionUnitOptions(size=SIDE), 2)
    assert len(found) == 2
    assert found[0][1].startswith("units 1+4; found ") and found[1][1].startswith("units 1; found ")
    for query, _, beside in found:
        assert query.shape == (pictures.SIZE, pictures.SIZE, 3) and query.dtype == np.uint8
        assert [words for *_, words in beside][1:2] == ["magnified motion"]
        assert len({right for _, right, _ in beside}) == 1 and len(beside) == 5
        assert all(picture.dtype == np.uint8 and picture.std() > 0 for picture, *_ in beside)


def test_clips_are_chosen_evenly_whatever_was_found() -> None:
    labels = np.array([0, 1, 2, 0, 3, 4, 5])
    assert pictures.chosen(labels, 3).tolist() == [1, 4, 6]
    assert pictures.chosen(np.zeros(4, np.int64), 2).tolist() == [0, 3]


def test_the_infused_maps_are_those_of_the_equation(network: InfuseNet) -> None:
    inputs = fed()
    with torch.no_grad():
        output, maps = watched(network, inputs)
        flow, moved = network.flow.stem(inputs[:, :3]), network.entrance(inputs[:, 3:].view(2, 64, 8, 8))
        first = infused(network.magnified.layers[0](moved), network.flow.layers[0](flow), "sample")
        torch.testing.assert_close(maps[0], first)
        assert torch.equal(output.logits, network(inputs).logits) and len(maps) == 3
    assert not network.magnified.layers[1]._forward_pre_hooks


def test_energy_inside_over_outside() -> None:
    maps = torch.ones(1, 2, 4, 4)
    maps[..., :2] = 3.0
    left = np.zeros((1, 4, 4), bool)
    left[..., :2] = True
    assert energy(maps, 4)[0, 0].tolist() == [18.0, 18.0, 2.0, 2.0]
    assert concentration(maps, left).tolist() == [9.0]
    assert concentration(torch.ones(1, 2, 4, 4), left).tolist() == [1.0]


def test_saliency_is_where_the_answer_hangs_on(network: InfuseNet) -> None:
    inputs = fed(1)
    found, asked = saliency(network, inputs)
    assert found.shape == (1, SIDE, SIDE) and (found >= 0).all() and found.any() and asked.any()
    most = np.unravel_index(found[0].argmax(), found[0].shape)
    with torch.no_grad():
        base = network(inputs).flow[0][torch.from_numpy(asked[0])].sum()
        slopes = []
        for place in (most, np.unravel_index(found[0].argmin(), found[0].shape)):
            moved = 0.0
            for channel in range(3):
                changed = inputs.clone()
                changed[0, channel, place[0], place[1]] += 1e-2
                after = network(changed).flow[0][torch.from_numpy(asked[0])].sum()
                moved += abs(float(after - base)) / 1e-2
            slopes.append(moved)
    assert slopes[0] > slopes[1]
    assert slopes[0] == pytest.approx(float(found[0][most]), rel=0.3)


def test_a_map_of_nothing_is_black() -> None:
    assert not pictures.heat(np.zeros((8, 8), np.float32)).any()
    assert pictures.heat(np.eye(8, dtype=np.float32)).max() == 255
