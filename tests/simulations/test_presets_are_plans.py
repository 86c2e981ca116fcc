"""What a preset sets for a level and for a data set goes together: the plan is accepted."""

from pathlib import Path

import pytest

from isofed.simulations.command import composed
from isofed.simulations.plan import make_plan
from isofed.tasks.reid.presets import BUPTCAMPUS, MATCHING, PRESETS


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("data", BUPTCAMPUS)
def test_a_pooled_trainer_takes_pairs_as_they_are(preset: str, data: str, tmp_path: Path) -> None:
    cfg = composed([f"preset={preset}", "protocol=sharing", f"data={data}"])
    options = make_plan(cfg, tmp_path).setting().options
    assert options.paired and not options.per_modality


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("strategy", MATCHING)
@pytest.mark.parametrize(("data", "k"), [("hitsz_vcm", 4), ("sysu", 5), ("buptcampus", 5)])
def test_matching_keeps_the_number_of_features_of_its_own_code(
    preset: str, strategy: str, data: str, k: int, tmp_path: Path
) -> None:
    words = [f"preset={preset}", "protocol=camera_strict", "protocol.centres=with_rows", f"data={data}"]
    cfg = composed([*words, f"strategy={strategy}"])
    make_plan(cfg, tmp_path)
    assert cfg["strategy"]["k"] == k
