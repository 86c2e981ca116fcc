"""Numbers outside their range and words that are no choice are refused in a sentence; files say the same."""

from typing import Any

import pytest
import torch

from isofed.errors import CompositionError, ConfigError
from isofed.protocols.levels import LEVELS, LevelOptions
from isofed.setting import build
from isofed.simulations.command import composed
from isofed.strategies.named import STRATEGIES
from isofed.tasks import TASKS
from isofed.tasks.action_units import TASK
from isofed.tasks.action_units.options import RANGES, ActionUnitOptions


def filed(name: str) -> ActionUnitOptions:
    values = dict(composed([f"task={name}"])["task"])
    return ActionUnitOptions(**{k: v for k, v in values.items() if k != "name"})


@pytest.mark.parametrize("name", sorted(RANGES))
def test_a_number_beyond_its_range_is_refused(name: str) -> None:
    low, high = RANGES[name]
    for value in (low - 1, 2 * high + 1):
        with pytest.raises(ConfigError, match=f"'{name}' is .*, but must lie between"):
            ActionUnitOptions(**{name: value})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"size": 100}, "must be a multiple of 32"),
        ({"least": 1.0}, "'least' is 1.0 and 'amplification' 10.0; give 0, or a number above 1"),
        ({"least": 11.0}, "at most the amplification"),
        ({"flow": "farnebeck"}, "did you mean 'farneback'"),
        ({"strain": "textbok"}, "did you mean 'textbook'"),
        ({"scope": "samples"}, "did you mean 'sample'"),
        ({"near": "drawm"}, "did you mean 'drawn'"),
        ({"norm": "layer"}, "unknown norm 'layer'"),
        ({"optimiser": "adamw"}, "did you mean 'adam'"),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        ActionUnitOptions(**given)


def test_the_file_says_what_the_code_does() -> None:
    assert filed("action_units") == ActionUnitOptions()


def test_the_paper_s_network_by_its_file() -> None:
    options = filed("action_units_infusenet")
    model = TASK.model(options, torch.Generator().manual_seed(0))
    assert sum(p.numel() for p in model.parameters()) == 22_349_644
    assert (options.rate, options.weight_decay, options.batch, options.size) == (1e-4, 1e-3, 32, 224)
    assert TASK.width(options) == 512 and options.balance == "none"


def setting(strategy: str, **task: Any) -> Any:
    cfg = {
        **{"run": "test", "seed": 0, "rounds": 1, "evaluate_every": 1, "layout": "cd6me_to_samm"},
        "task": {"name": "action_units", "width": 4, **task},
        "protocol": {"name": "entity"},
        "strategy": {"name": strategy},
    }
    return build(cfg, TASKS, STRATEGIES, LEVELS, LevelOptions)


@pytest.mark.parametrize("strategy", ["dppt", "cgpr", "fedproto", "l2rwplus"])
def test_what_looks_labels_up_as_rows_is_refused(strategy: str) -> None:
    with pytest.raises(CompositionError, match="of task 'action_units' may be of several at once; use strat"):
        setting(strategy)


def test_mends_mend() -> None:
    with pytest.raises(CompositionError, match=r"write strategy\.of=features$"):
        setting("feddf")
    with pytest.raises(CompositionError, match=r"write task\.optimiser=sgd task\.momentum=0$"):
        setting("scaffold", optimiser="adam")
    assert setting("scaffold", momentum=0.0).recipe


def test_heads_may_leave_and_cameras_have_no_identities() -> None:
    assert not TASK.private_head and "camera_strict" not in TASK.levels
    assert TASK.statistics(ActionUnitOptions()) and not TASK.statistics(ActionUnitOptions(norm="group"))
