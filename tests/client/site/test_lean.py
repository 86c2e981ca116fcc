"""A site works without what only simulations and servers need."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.site.site_case import camera_tree, cfg, made_site, whole_tree

ABSENT = ("hydra", "omegaconf", "ray", "tensorboard", "psutil", "opacus", "scipy", "sklearn")
OURS = ("isofed.simulations", "isofed.server")
BLOCK = f"""
import importlib, importlib.metadata, pkgutil, sys

class Finder:
    # finds what another one finds, but for what is not to be there

    def __init__(self, other):
        self.other = other

    def __getattr__(self, name):
        return getattr(self.other, name)

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in {ABSENT!r} and not name.startswith({OURS!r}):
            return self.other.find_spec(name, path, target)

sys.meta_path[:] = [Finder(other) for other in sys.meta_path]
"""
IMPORT = """
import isofed.client.app, isofed.client.site
for each in pkgutil.iter_modules(isofed.client.site.__path__):
    importlib.import_module("isofed.client.site." + each.name)
"""
ANSWER = """
from pathlib import Path
from flwr.app import Context, Message, RecordDict
from flwr.supercore.task_identity import TaskIdentity
from isofed.client.site import worker
from isofed.client.site.folder import SiteFolder
from isofed.client.workshop import Workshop
from isofed.protocols import wire
from isofed.protocols.answering import Asked
from isofed.protocols.runtime import bundle
from isofed.records import Order, Value

TaskIdentity.run_id = TaskIdentity.node_id = TaskIdentity.task_id = 1
desk, cfg = worker.at_work(SiteFolder(Path(sys.argv[1]))), sys.argv[2]
shop = Workshop.of(cfg)
trees = {name: Value(shop.trees[name].numpy()) for name in ("model", "buffers")}
order = wire.order_content(Order("tiny", 1, 1, "", shop.setting.digest, trees))
message = Message(order, 2, "train")
message.metadata.__dict__["_message_id"] = "m"
reply = worker.answer(desk, Asked(message, cfg, bundle()[1], Context(1, 2, {}, RecordDict(), {})))
print("trained" if reply.has_content() else reply.error)
"""


def run(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_a_site_imports_and_trains_without_them(tmp_path: Path) -> None:
    own = camera_tree(whole_tree(tmp_path / "whole"), tmp_path / "own")
    site = made_site(tmp_path / "site", own)
    assert run(BLOCK + IMPORT + ANSWER, str(site.root), cfg(strategy={"name": "fedavg"})) == "trained"


def test_the_door_is_kept() -> None:
    for name in (*ABSENT, *OURS):
        code = f"{BLOCK}\ntry:\n    import {name}\nexcept ModuleNotFoundError:\n    print('absent')"
        assert run(code) == "absent"
