import torch
from torch.func import grad, vmap

from isofed.client.stacked_model import owned


def test_one_gradient_given_to_two_parameters_becomes_two() -> None:
    def loss(w: dict[str, torch.Tensor]) -> torch.Tensor:
        return (w["a"] + w["b"]).square().sum() + w["c"].sum()

    stack = {name: torch.full((2, 3), float(number)) for number, name in enumerate("abc")}
    slopes = vmap(grad(loss))(stack)
    mine = owned(slopes, list(stack.values()))
    for name, slope in slopes.items():
        assert torch.equal(mine[name], slope)
    for slope in mine.values():
        slope.add_(1.0)  # would be refused where one number is shown many times
    assert torch.equal(mine["a"], mine["b"]) and mine["a"][0, 0] == 3.0
    assert mine["c"].eq(2.0).all()


def test_a_gradient_that_is_somebodys_value_is_copied() -> None:
    parameter = torch.ones(2, 3)
    found = owned({"a": parameter.view(2, 3)}, [parameter])["a"]
    found.zero_()
    assert parameter.eq(1.0).all()


def test_what_is_its_own_already_is_not_copied() -> None:
    slope = torch.ones(2, 3)
    assert owned({"a": slope}, [torch.ones(2, 3)])["a"] is slope
