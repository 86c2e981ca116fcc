"""isofed simulate with data.partition: what is planned, refused and the same again."""

import json
from pathlib import Path

import pytest

from isofed.errors import CompositionError, ConfigError
from isofed.simulations.command import composed
from isofed.simulations.overrides import own_strategy
from isofed.simulations.plan import FEDERATED, Plan, make_plan
from isofed.tasks import TASKS
from isofed.tasks.task import names

DIVIDED = ("protocol=entity", "strategy=fedavg", "data.partition=dirichlet", "data.clients=3")


def planned(folder: Path, *words: str) -> Plan:
    return make_plan(composed(own_strategy(list(words))), folder)


def test_as_published_is_as_it_was(tmp_path: Path) -> None:
    usual, none = planned(tmp_path), dict(composed([]))
    none["data"] = {k: none["data"][k] for k in ("layout", "root", "seed", "declared", "make")}
    before = make_plan(none, tmp_path)
    assert usual.setting().digest == before.setting().digest
    assert usual.layout is TASKS["reid"].layouts["sysu"] and "partition" not in usual.shared()


def test_a_division_is_part_of_what_is_agreed(tmp_path: Path) -> None:
    words = ("", "data.clients=4", "data.alpha=0.1", "seed=1")
    plans = [planned(tmp_path, *DIVIDED, *filter(None, [word])) for word in words]
    assert len({plan.setting().digest for plan in plans}) == 4
    assert list(names(plans[1].layout.sites(tmp_path, "entity"))) == [f"client{n}" for n in range(4)]
    federation = plans[0].federation(FEDERATED, ("client0", "client1", "client2"))
    assert federation.workshop().setting.digest == plans[0].setting().digest
    assert json.loads(json.dumps(federation.cfg))["partition"]["clients"] == 3


@pytest.mark.parametrize(
    ("words", "error", "sentence"),
    [
        (
            ("data.partition=shards",),
            CompositionError,
            "under protocol=camera a camera's pictures are its own",
        ),
        ((*DIVIDED, "data.partition=shard"), ConfigError, "did you mean 'shards'"),
        ((*DIVIDED, "data.clients=1"), ConfigError, "'clients' is 1, but must lie between 2"),
        ((*DIVIDED, "data.declared=camera"), Exception, "camera"),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: tuple[str, ...], error: type[Exception], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=sentence):
        planned(tmp_path, *words)
