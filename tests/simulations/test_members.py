from pathlib import Path
from typing import Any

import pytest

from isofed.errors import CompositionError, ConfigError
from isofed.server.hub.sites import Site
from isofed.simulations.command import composed
from isofed.simulations.engine import Deployment
from isofed.simulations.members import NOWHERE, members
from isofed.simulations.plan import Plan, make_plan


def site(name: str, state: str = "approved", node: int = 5, **said: Any) -> Site:
    """Return a site as the register has it."""
    manifest = {"task": "reid", "layout": "sysu", "level": "camera", "role": "trainer", "classes": 16, **said}
    return Site(name, state, manifest=manifest, node=node)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_plan(composed(["engine=deployed", "engine.hub=x", "alone=false"]), tmp_path)


HUB = Deployment("x")


def test_all_that_fit_take_part_in_their_roles(plan: Plan) -> None:
    known = [
        site("cam1", node=7, counts={"images": 9}, facts={"modality": "visible"}),
        site("cam2", node=8),
        site("judge", node=9, role="evaluator"),
        site("other", task="vein"),
        site("strict", level="camera_strict"),
        site("waits", "pending"),
        site("gone", "revoked"),
    ]
    found = members(known, plan, HUB)
    assert found.sites == {"cam1": 7, "cam2": 8} and found.evaluators == {"judge": 9}
    assert found.facts == {"cam1": {"modality": "visible", "images": 9}, "cam2": {}}
    assert found.classes == 16 and found.names == ("cam1", "cam2", "judge")


def test_named_sites_and_no_others_take_part(plan: Plan) -> None:
    known = [site("cam1"), site("cam2", node=6), site("cam3", "pending"), site("vein", task="vein")]
    assert list(members(known, plan, Deployment("x", " cam2 ")).sites) == ["cam2"]
    for names, said in (
        ("cam9", "unknown site 'cam9'"),
        ("cam3", "'cam3' is pending"),
        ("vein", "'vein' has task 'vein', but the run has 'reid'"),
    ):
        with pytest.raises(ConfigError, match=said):
            members(known, plan, Deployment("x", names))


def test_a_site_revoked_on_the_way_is_one_that_is_absent(plan: Plan) -> None:
    known = [site("cam1", node=7), site("cam2", "revoked", node=8)]
    found = members(known, plan, Deployment("x", "cam1,cam2"), begun=True)
    assert found.sites["cam1"] == 7 and found.sites["cam2"] >= NOWHERE and found.sites["cam2"] != 8


def test_a_site_whose_node_is_not_registered_yet_has_a_number_of_its_own(plan: Plan) -> None:
    found = members([site("cam1", node=0), site("cam2", node=0)], plan, HUB)
    assert len(set(found.sites.values())) == 2


@pytest.mark.parametrize(
    ("known", "deployment", "said"),
    [
        ([], HUB, "no site is approved yet"),
        ([site("a", "pending")], HUB, "no site is approved yet"),
        (
            [site("a", layout="llcm")],
            HUB,
            "that are approved are for task=reid data=llcm protocol=camera",
        ),
        ([site("a", role="evaluator")], HUB, "no approved site trains"),
        ([site("a"), site("b", classes=17)], HUB, "a 16, b 17"),
        ([site("a")], Deployment("x", minimum=2), "write engine.minimum=1"),
    ],
)
def test_who_cannot_make_a_federation_is_told_so(
    plan: Plan, known: list[Site], deployment: Deployment, said: str
) -> None:
    with pytest.raises(CompositionError, match=said):
        members(known, plan, deployment)


def test_where_heads_are_private_nobody_needs_the_same_classes(tmp_path: Path) -> None:
    words = ["engine=deployed", "engine.hub=x", "alone=false", "protocol=camera_strict", "strategy=fedavg"]
    plan = make_plan(composed(words), tmp_path)
    known = [site(name, level="camera_strict", classes=n) for name, n in (("a", 3), ("b", 4))]
    assert members(known, plan, HUB).classes is None
