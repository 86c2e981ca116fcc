import dataclasses
import re

import pytest
import yaml

from isofed.config import read
from isofed.tasks.reid.options import ReidOptions


def test_every_field_is_a_plain_scalar_with_a_default() -> None:
    for field in dataclasses.fields(ReidOptions):
        assert type(field.default) is field.type, field.name
        assert field.type in (int, float, bool, str)


def test_the_papers_configuration_is_whole_and_can_be_written() -> None:
    written = dict(
        re.findall(r"(\w+)=([\w.-]+)", (ReidOptions.__doc__ or "").split("Source:")[0].split("with ``")[0])
    )
    ours = {"classes", "blocks", "labels", "split", "stem", "stage2", "stage3", "draws"}
    assert set(written) == {field.name for field in dataclasses.fields(ReidOptions)} - ours
    paper = read(ReidOptions, {name: yaml.safe_load(value) for name, value in written.items()}, "task")
    assert (paper.height, paper.width, paper.batch_identities * paper.batch_images) == (288, 144, 64)
    assert paper.warmup * 50 == paper.peak_round == 16 and paper.backbone_rate == paper.head_rate / 10


def test_options_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ReidOptions().rounds = 3  # type: ignore[misc]
