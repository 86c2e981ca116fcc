"""Training of the magnifier: pairs whose motion is known, a loss that falls, a file that the readers take."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isofed.__main__ import main
from isofed.errors import CheckpointError, ConfigError
from isofed.seeds import public
from isofed.tasks.action_units import frozen, magnify_training
from isofed.tasks.action_units.magnify_pairs import Pairs, moved, pairs, stills
from isofed.tasks.action_units.magnify_training import Magnify, train

TINY = Magnify(steps=60, size=16, batch=2, rate=3e-3, threads=1)


def drawn(count: int = 8, noise: float = 0.0) -> Pairs:
    return pairs(stills(0, 80), 32, count, noise, public(0, 0, "", "a test"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    out, heard = tmp_path_factory.mktemp("magnifier") / "magnifier.pt", []
    train(TINY, out, lambda done, total, loss: heard.append(loss))
    return out, heard


def test_frames_move_as_told() -> None:
    x = torch.arange(16.0).expand(1, 3, 16, 16)
    found = moved(x, torch.tensor([1.5, 0.0]).view(1, 2, 1, 1))
    torch.testing.assert_close(found[..., 4:-4], x[..., 4:-4] - 1.5, atol=1e-4, rtol=0)
    down = moved(x.transpose(2, 3), torch.tensor([0.0, -0.25]).view(1, 2, 1, 1))
    torch.testing.assert_close(down[..., 4:-4, :], x.transpose(2, 3)[..., 4:-4, :] + 0.25, atol=1e-4, rtol=0)


def test_pairs_hold_what_they_promise() -> None:
    found = drawn()
    assert all(frames.shape == (8, 3, 32, 32) for frames in (found.a, found.b, found.c, found.y))
    assert found.factor.min() >= 1 and found.factor.max() <= 20
    still = (found.b - found.a).abs().mean((1, 2, 3))
    more = (found.y - found.a).abs().mean((1, 2, 3))
    large = found.factor.flatten() > 1.5
    assert (still > 0).all() and large.any() and (more[large] > still[large]).all()
    assert (found.c - found.b).abs().mean() > 0.01
    assert not torch.equal(drawn(noise=0.3).a, found.a)


def test_pictures_stay_in_range_and_repeat() -> None:
    once, again = stills(3, 48), stills(3, 48)
    assert once.shape == (54, 3, 48, 48) and np.abs(once).max() <= 1
    assert once.tobytes() == again.tobytes() and once.std((1, 2, 3)).min() > 0.05


@pytest.mark.slow
def test_the_loss_falls(trained: tuple[Path, list[float]]) -> None:
    losses = trained[1]
    assert len(losses) == TINY.steps
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])


def test_what_is_trained_still_gives_nothing_where_nothing_moves(trained: tuple[Path, list[float]]) -> None:
    found, frames = frozen.magnifier(str(trained[0])), drawn(2)
    with torch.no_grad():
        a, b = found.latent(frames.a), found.latent(frames.b)
        assert not found.moved(a, a, 10.0).any() and not found.moved(a, b, 1.0).any()
        assert found.moved(a, b, 10.0).any()


def test_the_file_is_what_the_readers_take(trained: tuple[Path, list[float]]) -> None:
    found = frozen.magnifier(str(trained[0]))
    kept = torch.load(trained[0], weights_only=True)
    assert all(torch.equal(weight, kept[name]) for name, weight in found.state_dict().items())
    assert frozen.digest(found) != frozen.digest(frozen.magnifier())


@pytest.mark.slow
def test_stopped_and_continued_is_as_in_one_go(
    trained: tuple[Path, list[float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(magnify_training, "KEPT", 4)
    out = tmp_path / "magnifier.pt"

    def stop(done: int, total: int, loss: float) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TINY, out, stop)
    with pytest.raises(CheckpointError, match=r"other options \(seed\)"):
        train(Magnify(**{**vars(TINY), "seed": 1}), out)
    told: list[int] = []
    train(TINY, out, lambda done, total, loss: told.append(done))
    assert told[0] == 5 and [path.name for path in tmp_path.iterdir()] == ["magnifier.pt"]
    once, again = (torch.load(path, weights_only=True) for path in (trained[0], out))
    assert all(torch.equal(once[name], again[name]) for name in once)


def test_what_is_damaged_is_refused(tmp_path: Path) -> None:
    (tmp_path / "magnifier.pt.training").write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="is damaged"):
        train(TINY, tmp_path / "magnifier.pt")


@pytest.mark.parametrize(
    ("wrong", "said"), [({"size": 17}, "even"), ({"steps": 0}, "steps"), ({"rate": 0.0}, "rate")]
)
def test_options_have_ranges(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Magnify(**wrong)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "magnifier.pt"
    words = ["magnifier", str(out), "--steps", "2", "--size", "16", "--batch", "1", "--threads", "1"]
    assert main(words) == 0
    said = capsys.readouterr()
    assert "step 2/2" in said.err and f"wrote {out}" in said.out and "without magnifying" in said.out
    assert main(words) == 2
    assert "is there already" in capsys.readouterr().err
