"""Strips, hyperedges and the confusion matrix show what they say."""

from typing import Any

import numpy as np
import pytest
import torch

from isofed.simulations.projector import Projection
from isofed.tasks.micro_gesture import build, pictures
from isofed.tasks.micro_gesture.joints import IMIGUE, SMG, Body
from isofed.tasks.micro_gesture.layouts.clips import TestClips
from isofed.tasks.micro_gesture.options import MicroGestureOptions
from isofed.tasks.micro_gesture.projected import projected
from isofed.tasks.private import grouped


def clips_of(body: Body) -> TestClips:
    rng = np.random.default_rng(0)
    clips = (rng.standard_normal((6, 3, 52, len(body.joints))) + 3).astype(np.float32)
    videos = np.array([0, 0, 1, 1, 2, 2])
    return TestClips(clips, videos % 2, videos, videos, body)


def model_of(body: Body, **more: Any) -> tuple[Any, MicroGestureOptions]:
    options = MicroGestureOptions(body=body.name, width=12, **more)
    return build(options, torch.Generator().manual_seed(0)).eval(), options


@pytest.mark.parametrize("body", [IMIGUE, SMG])
def test_rows_show_strips_hyperedges_and_a_confusion(body: Body) -> None:
    model, options = model_of(body)
    *shown, (matrix, said, [voted]) = pictures.rows(model, clips_of(body), options, count=2)
    assert len(shown) == 2 and "6 clips" in said and matrix.shape == voted[0].shape == (200, 200, 3)
    assert voted[1:] == (None, "3 videos: what most clips say")
    for middle, caption, beside in shown:
        strip, *edges = (picture for picture, _, _ in beside)
        assert middle.shape == (200, 200, 3) and strip.shape == (200, 1200, 3) and len(edges) == 2
        assert all(each.dtype == np.uint8 and each.min() < 255 for each in (middle, strip, *edges))
        true, found = caption.split("; found ")
        assert true in body.emotions
        assert [right for _, right, _ in beside] == [found.startswith(true), None, None]


def test_without_hyperedges_none_are_shown() -> None:
    model, options = model_of(IMIGUE, attention="plain", up="", rebuilt_weight=0.0)
    row = pictures.rows(model, clips_of(IMIGUE), options, count=1)[0]
    assert len(row[2]) == 1


def test_what_is_rebuilt_comes_back_in_the_clip_s_own_coordinates() -> None:
    model, _ = model_of(IMIGUE)
    with torch.no_grad():
        model.data_bn.running_mean.uniform_(-2, 2)
        model.data_bn.running_var.uniform_(0.5, 2)
        model.data_bn.weight.uniform_(0.5, 2)
        model.data_bn.bias.uniform_(-1, 1)
    inputs = clips_of(IMIGUE).inputs
    found = pictures.original(model, model(torch.from_numpy(inputs)).reference, inputs)
    np.testing.assert_allclose(found, inputs, rtol=1e-4, atol=1e-4)


def test_it_comes_back_where_every_clip_is_normalised_by_itself() -> None:
    model, options = model_of(IMIGUE)
    with torch.no_grad():
        model.data_bn.weight.uniform_(0.5, 2)
        model.data_bn.bias.uniform_(-1, 1)
    grouped(model)
    inputs = clips_of(IMIGUE).inputs
    found = pictures.original(model, model(torch.from_numpy(inputs)).reference, inputs)
    np.testing.assert_allclose(found, inputs, rtol=1e-4, atol=1e-4)
    assert len(pictures.rows(model, clips_of(IMIGUE), options, count=1)) == 2


def test_red_is_where_the_reconstruction_is_and_nowhere_without_one() -> None:
    clip = clips_of(IMIGUE).inputs[0]
    red = [(each == pictures.RED).all(2).any() for each in (
        pictures.strip(clip, clip + 0.5, IMIGUE), pictures.strip(clip, None, IMIGUE)
    )]  # fmt: skip
    assert red == [True, False]


def test_what_is_badly_rebuilt_stays_in_its_own_frame() -> None:
    clip = clips_of(IMIGUE).inputs[0]
    far = clip.copy()
    far[0, 4] = clip[0].max() + 3 * np.ptp(clip[0])  # of the first frame that is shown
    shown = pictures.strip(clip, far, IMIGUE)
    assert np.array_equal(shown[:, 200:400], pictures.strip(clip, clip, IMIGUE)[:, 200:400])


def test_even_attention_is_one_between_all_hyperedges() -> None:
    model, _ = model_of(IMIGUE)
    with torch.no_grad():
        for block in (*model.encoder, *model.decoder):
            block.attention.of_edges.weight.zero_()
        with pictures.Watched(model) as watched:
            model(torch.from_numpy(clips_of(IMIGUE).inputs))
    found = watched.strengths(IMIGUE)
    assert [number for number, _ in found] == [1, 4]
    for _, strength in found:
        np.testing.assert_allclose(strength, np.ones((3, 3)), rtol=1e-5)
    assert not model.encoder[0].attention._forward_pre_hooks


def test_a_confusion_is_read_by_its_shades() -> None:
    light = pictures.confusion(np.array([[9, 1], [0, 10]]), IMIGUE).astype(int).sum(2)
    cells = [[light[60, 50], light[60, 130]], [light[140, 50], light[140, 130]]]
    assert cells[1][1] < cells[0][0] < cells[0][1] < cells[1][0]
    ties = pictures.confusion(np.array([[1, 8, 1], [0, 0, 9]]), IMIGUE).astype(int).sum(2)
    assert ties[60, 95] < ties[60, 45] < ties[140, 45] and ties[140, 150] < ties[140, 95]


@pytest.mark.parametrize("body", [IMIGUE, SMG])
def test_points_are_features_of_an_even_choice_of_clips(body: Body) -> None:
    model, options = model_of(body)
    clips = clips_of(body)
    points = Projection(*projected(model, clips, options, most=3))
    assert points.thumbnails.shape == (3, 48, 48, 3) and points.thumbnails.min() < 200
    with torch.inference_mode():
        wanted = model(torch.from_numpy(clips.inputs[[0, 2, 5]])).features
    np.testing.assert_allclose(points.vectors, wanted, rtol=1e-4, atol=1e-5)
    assert points.cams.tolist() == clips.videos[[0, 2, 5]].tolist()
    assert points.modality.tolist() == [body.emotions[label] for label in clips.labels[[0, 2, 5]]]
    assert points.columns == ("person", "video", "emotion")
