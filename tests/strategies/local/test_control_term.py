"""SCAFFOLD's local term where a round does not train everything."""

import pytest
import torch
from torch import nn

from isofed.records import Delta, Value
from isofed.strategies.local.control import CHANNEL, control_variate
from isofed.strategies.recipe import Done, TermStart
from isofed.trees import from_arrays


@pytest.mark.parametrize("reach", [0.0, 0.5])
def test_what_no_step_trained_keeps_its_control_variate(reach: float) -> None:
    model = nn.Linear(2, 1, bias=False)
    own, around = from_arrays({"weight": [[1.0, -2.0]]}), from_arrays({"weight": [[3.0, 5.0]]})
    given = TermStart({CHANNEL: Value(around)}, 1, 1, 1, model, travelling=("weight",), memory=own)
    term = control_variate()
    assert term.finish is not None and term.remember is not None
    state = term.start(given)
    with torch.no_grad():
        model.weight.sub_(reach)  # one step at a rate of `reach`, down a gradient of one
    sent = term.finish(state, Done(1, {"weight": reach}))[CHANNEL]
    assert isinstance(sent, Delta)
    found = torch.tensor(term.remember(state)["weight"]), torch.tensor(sent.tree["weight"])
    wanted = torch.tensor([[1.0, -2.0]])
    if reach:
        wanted = wanted - torch.tensor([[3.0, 5.0]]) + 1.0
    torch.testing.assert_close(found[0].double(), wanted.double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(
        found[1].double(), (wanted - torch.tensor([[1.0, -2.0]])).double(), atol=1e-6, rtol=0
    )
