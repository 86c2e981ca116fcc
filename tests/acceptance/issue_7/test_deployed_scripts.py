"""What the scripts of this folder do, on one deployment: equal bits after a kill, and nothing gets through.

One kill, of a whole site, and a case of each kind; the scripts make twelve kills, and try every case.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import federation
import processes
import pytest

from tests.hub.deployment import EVALUATOR, Deployment, deployment

pytestmark = pytest.mark.slow
HERE, SITES = Path(__file__).parent, ("cam1", "cam2")
KILLS = (("cam2", ""),)
# of the wire, of keys, of what is asked for, of a site's policy, of the register; each of the others has a
# test of its own under tests/server/hub, tests/client/site and tests/protocols
CASES = (
    "through", "no TLS", "wrong authority", "another site's key", "oversized message", "policy: minimum",
    "revoked", "ports",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployment(tmp_path_factory.mktemp("deployed"), (*SITES, EVALUATOR)) as made:
        federation.set_up(made, (*SITES, EVALUATOR))
        yield made


def test_sites_that_see_their_own_folders_alone_equal_the_local_engine_also_after_a_kill(
    made: Deployment, tmp_path: Path
) -> None:
    run = processes.run_with_kills(made, KILLS, seed=0)
    assert federation.inspect(made) == []
    peace = processes.in_peace(run, made.base.parent / "tree", tmp_path / "peace", SITES)
    assert list(processes.differences(made, run, peace)) == []


def test_nothing_gets_through_and_each_try_is_written_down(made: Deployment, tmp_path: Path) -> None:
    made.stop("cam2")  # it is revoked there, while somebody else asks in its name
    made.keep(tmp_path / "deployment.json")
    command = [sys.executable, str(HERE / "security.py"), "--at", str(tmp_path / "deployment.json")]
    command += ["--only", *CASES]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0 and done.stdout.endswith("accepted\n"), done.stdout
