import torch

from isofed.client.chance import seeded


def test_a_block_draws_what_torchs_own_seed_gives_and_leaves_no_trace() -> None:
    torch.manual_seed(3)
    wanted, before = torch.rand(4), torch.get_rng_state()
    with seeded("cpu", 3):
        assert torch.equal(torch.rand(4), wanted)
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_seed_a_block_goes_on_where_it_is_and_comes_back() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(2)
    torch.manual_seed(5)
    with seeded("cpu"):
        assert torch.equal(torch.rand(2), wanted)
    assert torch.equal(torch.rand(2), wanted)
