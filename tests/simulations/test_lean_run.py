"""A deployed run's process works without what only other commands, or Flower's own, need."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ABSENT = (
    *("flwr.cli", "flwr.superlink", "flwr.supernode", "flwr.simulation"),
    *("sqlalchemy", "uvicorn", "pathspec", "ray", "opacus", "scipy", "sklearn", "matplotlib"),
    *("pandas", "tensorboard", "sympy", "torch._dynamo", "torch._inductor", "torch.onnx", "torchvision"),
)
CODE = """
import sys
from pathlib import Path
from isofed.__main__ import main
from isofed.server.hub.authority import init
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.settings import HubSettings
from isofed.simulations import deployed_run, run_command

loaded, rounds = set(), deployed_run._rounds

def watched(*of):
    done = rounds(*of)
    loaded.update(sys.modules)
    return done

deployed_run._rounds = watched
init(HubFolder(Path("hub")), HubSettings("127.0.0.1", superlink_port=1))
before = set(sys.modules)
%s
with met(Sites(9)):
    # what the stand-in for the sites brings is not the run's
    brought = set(sys.modules) - before
    assert main(["run", "hub=hub", "hydra.run.dir=run", *RUN]) == 0
print(" ".join(sorted(loaded - brought)))
"""


def test_its_process_does_not_load_them(tmp_path: Path) -> None:
    code = f"import sys; sys.path.append({str(ROOT)!r})" + CODE % (
        "from tests.simulations.met_sites import RUN, Sites, met"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.splitlines()[-1].split()
    assert "isofed.simulations.deployed_run" in loaded and "flwr.app" in loaded
    assert not [name for name in loaded if name.startswith(tuple(f"{each}." for each in ABSENT))]
    assert not set(ABSENT) & set(loaded)
