"""Numbers outside their range and words that are no choice are refused in a sentence."""

from typing import Any

import pytest
import torch

from isofed.errors import ConfigError
from isofed.simulations.command import composed
from isofed.tasks.micro_gesture import TASK, build
from isofed.tasks.micro_gesture.attention import HypergraphAttention
from isofed.tasks.micro_gesture.options import RANGES, MicroGestureOptions


@pytest.mark.parametrize("name", sorted(RANGES))
def test_a_number_beyond_its_range_is_refused(name: str) -> None:
    low, high = RANGES[name]
    for value in (low - 1, 2 * high + 1):
        with pytest.raises(ConfigError, match=f"'{name}' is .*, but must lie between"):
            MicroGestureOptions(**{name: value})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"attention": "hypergraf"}, "did you mean 'hypergraph'"),
        ({"depth": "e6d3"}, "did you mean 'e6d2'"),
        ({"split": "subject"}, "did you mean 'subjects'"),
        ({"over": "means"}, "did you mean 'mean'"),
        ({"body": "smk"}, "did you mean 'smg'"),
        ({"width": 20}, "divided by 12 and by the heads"),
        ({"width": 24, "heads": 5}, "'width' is 24 and 'heads' 5"),
        ({"up": ""}, r"write task\.rebuilt_weight=0"),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        MicroGestureOptions(**given)


def test_the_file_says_what_the_code_does() -> None:
    values = dict(composed(["task=micro_gesture"])["task"])
    assert MicroGestureOptions(**{k: v for k, v in values.items() if k != "name"}) == MicroGestureOptions()


@pytest.mark.parametrize(("name", "total"), [("imigue", 7_406_211), ("smg", 10_621_754)])
def test_the_released_networks_by_their_files(name: str, total: int) -> None:
    """The released classes' counts, less what nothing reads."""
    values = dict(composed([f"task=micro_gesture_{name}"])["task"])
    options = MicroGestureOptions(**{k: v for k, v in values.items() if k != "name"})
    model = build(options, torch.Generator().manual_seed(0))
    assert sum(p.numel() for p in model.parameters()) == total
    assert (options.rate, options.warmup, options.schedule, options.over) == (5e-4, 5, "constant", "sum")


def test_plain_attention_has_no_hyperedges() -> None:
    model = build(MicroGestureOptions(body="imigue", attention="plain"), torch.Generator().manual_seed(0))
    names = [name for name, _ in model.named_parameters()]
    assert not [n for n in names if "edges" in n or "distances" in n or n.endswith("beta")]
    assert all(m.kind.plain for m in model.modules() if isinstance(m, HypergraphAttention))


def test_heads_may_leave_and_cameras_have_no_identities() -> None:
    assert not TASK.private_head and "camera_strict" not in TASK.levels
