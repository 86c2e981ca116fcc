"""attack=: what is read, refused and told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.client.poisoned import backdoored, flipped, triggered
from isofed.simulations.command import composed
from isofed.simulations.hostile.attacks import ATTACKS, described, read_attack, said
from isofed.simulations.plan import FEDERATED, Plan, make_plan
from isofed.tasks.task import Samples

CAMERAS = tuple(f"cam{number}" for number in range(1, 7))
FILES = Path(__file__).resolve().parents[3] / "simulations" / "conf" / "attack"


def planned(folder: Path, *words: str) -> Plan:
    return make_plan(composed(list(words)), folder)


def test_every_attack_has_a_file_with_its_defaults(tmp_path: Path) -> None:
    for name, make in ATTACKS.items():
        given = planned(tmp_path, "strategy=fedavg", f"attack={name}").cfg["attack"]
        read = read_attack(given)
        assert read is not None and read.numbers == dict(read_attack({"name": name}).numbers), name
        assert make.__doc__
    assert {path.stem for path in FILES.glob("*.yaml")} == {*ATTACKS, "none", "colluders"}
    together = planned(tmp_path, "attack=colluders", "strategy=fedavg").attack
    assert together is not None and together.together and together.sites == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["attack=sign_flip", "attack.sites=0"], "'attack.sites' is 0, but must be a number from 1 or names"),
        (["attack=sign_flip", "attack.factor=0"], "'factor' is 0"),
        (["attack=sign_flip", "attack.sites=cam9"], "unknown site 'cam9'"),
        (["attack=sign_flip", "attack.sites=6"], "makes 6 of 6 sites hostile; leave at least one honest"),
        (["attack=ipm", "privacy=quantise"], "sends codes in their place; write privacy=none"),
        (["attack=label_flip", "protocol=camera_strict"], "each site numbers its own"),
        (["attack=backdoor", "task=vein"], "each site numbers its own"),
        (["attack=label_flip", "task=action_units"], "it may be of several at once"),
        (["fewest=7"], "fewest is 7, but a round asks 6 sites; write at most 6"),
        (["fewest=-1"], "'fewest' is -1"),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=sentence):
        planned(tmp_path, "strategy=fedavg", *words).federation(FEDERATED, CAMERAS)


def test_deployed_sites_are_not_attacked(tmp_path: Path) -> None:
    words = ["strategy=fedavg", "attack=sign_flip", "engine=deployed", f"engine.hub={tmp_path}"]
    with pytest.raises(Exception, match="is simulated, and engine=deployed asks real sites"):
        planned(tmp_path, *words)


def test_an_attack_changes_neither_the_digest_nor_who_trains_alone(tmp_path: Path) -> None:
    plan = planned(tmp_path, "strategy=fedavg", "attack=backdoor", "fewest=3")
    assert plan.setting().digest == planned(tmp_path, "strategy=fedavg").setting().digest
    federated, alone = plan.federation(FEDERATED, CAMERAS), plan.federation("alone/cam1", CAMERAS[:1])
    assert (federated.fewest, alone.fewest, alone.hostile) == (3, 0, ())
    (name,) = federated.hostile
    poisons = {site: "poison" in federated.nodes()[site].config for site in CAMERAS}
    assert poisons == {site: site == name for site in CAMERAS}


def test_numbers_draw_the_same_sites_and_names_are_taken() -> None:
    drawn = read_attack({"name": "ipm", "sites": 2})
    assert drawn is not None
    assert drawn.hostile(0, CAMERAS) == drawn.hostile(0, CAMERAS) != drawn.hostile(5, CAMERAS)
    named = read_attack({"name": "ipm", "sites": ["cam5", "cam2"]})
    assert named is not None and named.hostile(0, CAMERAS) == ("cam2", "cam5")


def test_an_attack_is_told() -> None:
    told = described(read_attack({"name": "alie", "deviations": 1.5}), ("cam2",))
    assert said({"attack": told}) == "simulated attack: alie by cam2 (deviations 1.5)"
    assert said({"attack": described(None, ())}) is None and said({}) is None


def test_labels_are_mirrored_and_unknown_ones_stay() -> None:
    assert flipped(np.array([0, 4, 2, -1]), 5).tolist() == [4, 0, 2, -1]


def test_a_share_of_samples_shows_the_trigger() -> None:
    samples = Samples(np.zeros((10, 8, 6, 3), np.uint8), np.arange(10))
    found = backdoored(samples, 7, 0.3, 0.5, np.random.default_rng(0))
    shown = np.flatnonzero(np.asarray(found.inputs).any((1, 2, 3)))
    assert len(shown) == 3 and (found.labels[shown] == 7).all()
    others = np.setdiff1d(np.arange(10), shown)
    assert (found.labels[others] == others).all() and not np.asarray(samples.inputs).any()
    assert (triggered(np.zeros((1, 8, 6), np.uint8), 0.5)[0, -3:, -3:] == 255).all()


def test_a_trigger_needs_pictures() -> None:
    vectors: Any = np.zeros((4, 3), np.float32)
    with pytest.raises(Exception, match="pictures of 8 bits"):
        triggered(vectors, 0.5)
