import pytest

from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.options_levels import refusal

STRICT = ("camera", "camera_strict", "entity")
KNOWING = [{"per_modality": True}, {"stems": 2}, {"per_modality": True, "stems": 2}]


@pytest.mark.parametrize("level", (*STRICT, "sharing"))
def test_what_is_blind_to_modality_suits_every_level(level: str) -> None:
    for objective in ("baseline", "identity", "agw", "caj"):
        assert refusal(ReidOptions(objective=objective, erasing=0.5), level) is None


@pytest.mark.parametrize("values", KNOWING)
def test_what_knows_modality_suits_sharing_alone(values: dict[str, int | bool]) -> None:
    options = ReidOptions(**values)  # type: ignore[arg-type]
    assert refusal(options, "sharing") is None
    for level in STRICT:
        text = refusal(options, level)
        assert text and f"protocol={level}" in text and "protocol=sharing" in text
        for name, value in values.items():
            assert f"task.{name}={str(value).lower()}" in text


def test_two_ways_to_fill_a_batch_are_refused_everywhere() -> None:
    both = ReidOptions(per_modality=True, paired=True)
    for level in (*STRICT, "sharing"):
        assert "task.paired=true" in str(refusal(both, level))
