import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isofed.errors import DataError
from isofed.tasks.reid import augment, evaluate, model, train
from isofed.tasks.reid.layouts.images import Images
from isofed.tasks.reid.layouts.test_set import TestSet
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.stems import TwoStems, Views
from isofed.tasks.reid.weights import load
from isofed.tasks.task import Samples

ONE = ReidOptions(
    height=32, width=16, stem=4, stage2=4, stage3=8, dimensions=8, batch_identities=4, batch_images=2
)
TWO = replace(ONE, stems=2)


def net(options: ReidOptions, classes: int = 6) -> Any:
    return model.build(options, classes, torch.Generator().manual_seed(1))


def pictures(count: int = 6) -> torch.Tensor:
    return torch.randn(count, 3, 32, 16, generator=torch.Generator().manual_seed(2))


def test_parameters_are_those_of_one_stem_more() -> None:
    count = [sum(p.numel() for p in net(options).parameters()) for options in (ONE, TWO)]
    assert count[1] - count[0] == 4 * 3 * 9 + 2 * 4
    names = {name for name, _ in net(TWO).named_parameters()} - {
        name.replace("backbone.", "backbone.shared.", 1) for name, _ in net(ONE).named_parameters()
    }
    assert names == {f"backbone.infrared.{part}" for part in ("0.weight", "1.weight", "1.bias")}


@pytest.mark.slow
def test_parameters_at_full_size() -> None:
    with torch.device("meta"):
        options = ReidOptions(backbone="resnet50", dimensions=2048, stems=2)
        backbone = model._backbone(options)
    assert sum(p.numel() for p in backbone.parameters()) == 23_508_032 + 9_408 + 128


def test_both_stems_begin_alike_and_see_their_own_modality() -> None:
    one, two = net(ONE).eval(), net(TWO).eval()
    images, infrared = pictures(), torch.tensor([True, False, False, True, False, True])
    plain = two(Views(images, infrared)).features
    one.load_state_dict(
        {name.replace("shared.", ""): v for name, v in two.state_dict().items() if "infrared" not in name}
    )
    torch.testing.assert_close(plain, one(images).features)
    with torch.no_grad():
        two.backbone.infrared[0].weight.neg_()
    changed = (two(Views(images, infrared)).features != plain).any(1)
    assert torch.equal(changed, infrared)


@pytest.mark.parametrize("flags", [[False] * 6, [True] * 6, [True, False] * 3])
def test_gradients_and_statistics_go_to_the_stem_that_was_used(flags: list[bool]) -> None:
    two, infrared = net(TWO).train(), torch.tensor(flags)
    before = copy.deepcopy(two.state_dict())
    two(Views(pictures(), infrared)).features.square().sum().backward()
    for stem, used in ((two.backbone.infrared, any(flags)), (two.backbone.shared.stem(), not all(flags))):
        assert (stem[0].weight.grad is not None) == used
        assert (stem[1].num_batches_tracked == 1) == used
    moved = {name for name, v in two.state_dict().items() if not torch.equal(v, before[name])}
    assert ("backbone.infrared.1.running_mean" in moved) == any(flags)


def test_statistics_of_a_stem_are_those_of_its_pictures() -> None:
    two, infrared = net(TWO).train(), torch.tensor([True, True, False, False, False, True])
    images = pictures()
    two(Views(images, infrared))
    for stem, chosen in ((two.backbone.infrared, infrared), (two.backbone.shared.stem(), ~infrared)):
        maps = stem[0](images[chosen])
        torch.testing.assert_close(stem[1].running_mean, 0.1 * maps.mean((0, 2, 3)))


def test_tracklets_tell_the_modality_of_every_frame() -> None:
    two = net(TWO).eval()
    with torch.no_grad():
        two.backbone.infrared[0].weight.neg_()
    images, infrared = pictures().view(2, 3, 3, 32, 16), torch.tensor([True, False])
    expected = two(Views(images.flatten(0, 1), infrared.repeat_interleave(3))).pooled.view(2, 3, -1).mean(1)
    torch.testing.assert_close(two(Views(images, infrared)).pooled, expected)


def test_training_tells_the_modality() -> None:
    rng = np.random.default_rng(0)
    samples = Samples(
        rng.integers(0, 256, (24, 32, 16, 3)).astype(np.uint8), np.arange(24) // 4, np.arange(24) % 2
    )
    steps = train.sample(samples, replace(TWO, per_modality=True), rng)
    assert steps.shape == (12 // 8 + 1, 16)
    batch = train.transform(samples, steps[0], TWO, rng, "cpu")
    assert batch.inputs.infrared.tolist() == [False] * 8 + [True] * 8
    two = net(TWO)
    train.TRAINING.loss(two(batch.inputs), batch.labels, TWO).backward()
    assert all(p.grad is not None for p in two.parameters())
    assert isinstance(train.transform(samples, steps[0], ONE, rng, "cpu").inputs, torch.Tensor)


@pytest.mark.parametrize("options", [TWO, replace(ONE, per_modality=True)])
def test_who_is_not_told_the_modality_cannot_train_so(options: ReidOptions) -> None:
    rng = np.random.default_rng(0)
    samples = Samples(np.zeros((24, 32, 16, 3), np.uint8), np.arange(24) // 4)
    with pytest.raises(DataError, match="protocol=sharing"):
        train.transform(samples, train.sample(samples, options, rng)[0], options, rng, "cpu")


def test_evaluation_takes_queries_for_infrared() -> None:
    rng = np.random.default_rng(0)

    def side(cams: list[int]) -> Images:
        ids = np.repeat(np.arange(6), 2)
        return Images(rng.integers(0, 256, (12, 32, 16, 3)).astype(np.uint8), ids, np.tile(cams, 6))

    test: Any = TestSet(side([3, 6]), side([1, 4]), "sysu")
    two = net(TWO).eval()
    features = evaluate.projected(two, test, TWO)[0]
    with torch.no_grad():
        two.backbone.infrared[0].weight.neg_()
    changed = (evaluate.projected(two, test, TWO)[0] != features).any(1)
    assert changed.tolist() == [True] * 12 + [False] * 12
    query = two(Views(augment.plain(test.query.pixels), torch.ones(12, dtype=torch.bool))).features
    unit = torch.nn.functional.normalize(query).detach().numpy()
    np.testing.assert_allclose(evaluate.projected(two, test, TWO)[0][:12], unit, rtol=1e-4, atol=1e-6)
    assert evaluate.measure(two, test, TWO).keys() == evaluate.measure(net(ONE).eval(), test, ONE).keys()


def test_a_backbone_with_one_stem_is_as_it_was() -> None:
    assert not isinstance(net(ONE).backbone, TwoStems)
    assert "backbone.conv.weight" in net(ONE).state_dict()


@pytest.mark.slow
def test_public_weights_reach_both_stems(tmp_path: Path) -> None:
    options = replace(TWO, backbone="resnet50", dimensions=2048)
    source, target = net(replace(options, stems=1)), net(options)
    torch.save(source.backbone.state_dict(), tmp_path / "public.pth")
    with torch.no_grad():
        target.backbone.infrared[0].weight.zero_()
    load(target, tmp_path / "public.pth")
    for stem in (target.backbone.infrared, target.backbone.shared.stem()):
        assert torch.equal(stem[0].weight, source.backbone.conv1.weight)
    assert torch.equal(target.backbone.shared.layer4[2].conv3.weight, source.backbone.layer4[2].conv3.weight)
