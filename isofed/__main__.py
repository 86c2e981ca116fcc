"""``isofed COMMAND``: dispatches by name, and turns our own errors into one line and exit code 2."""

import importlib
import os
import sys

from isofed import __version__
from isofed.errors import ConfigError, IsofedError
from isofed.suggest import unknown

COMMANDS = {
    "simulate": ("isofed.simulations.command", "run a federation on this machine, from data to report"),
    "run": ("isofed.simulations.run_command", "run a federation of deployed sites, at the server"),
    "server": ("isofed.server.hub.command", "a deployed server: make it, run it, let sites in and out"),
    "site": ("isofed.client.site.command", "a deployed site: make it, join, look after it, run it"),
    "compare": ("isofed.simulations.compare.command", "finished runs side by side, over their seeds"),
    "experiment": (
        "isofed.simulations.experiments.command",
        "a published experiment from its data to its page",
    ),
    "score": ("isofed.tasks.score", "evaluate anybody's features by a data set's rules"),
    "data": ("isofed.tasks.data_command", "make synthetic data in a published layout, or check a folder"),
    "magnifier": ("isofed.tasks.action_units.magnify", "train what action units see small motion through"),
    "explain": ("isofed.simulations.explain", "say what a privacy level lets out, down to the byte"),
    "privacy": ("isofed.simulations.privacy_command", "say what is hidden from whom, and what a site spent"),
    "declare": ("isofed.protocols.declare_command", "say under which level data may be used, beside them"),
    "list": ("isofed.simulations.catalogue", "name the tasks, strategies, protocols, engines, layouts"),
}
PIECE = 8 << 20  # bytes


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
    os.environ.setdefault("FLWR_DISABLE_UPDATE_CHECK", "1")
    # what of an array travels as one object, which Flower's client holds four times; a gateway takes 16 MiB
    os.environ.setdefault("FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE", str(PIECE))
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # or every stranger's handshake is a line
    try:
        return _dispatch(argv)
    except IsofedError as error:
        print(f"isofed: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # whoever read along has seen enough; what is still buffered goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        print(_help())
        return 0
    if argv[0] == "--version":
        print(f"isofed {__version__}")
        return 0
    if argv[0] not in COMMANDS:
        raise unknown("command", argv[0], COMMANDS)
    module, _ = COMMANDS[argv[0]]
    try:
        command = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("isofed"):
            raise
        raise ConfigError(
            f"'isofed {argv[0]}' needs {error.name}, which is not installed; pip install 'isofed[core]'"
        ) from None
    return int(command.main(argv[1:]))


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  isofed {name:<{width}}  {what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(
        [
            "isofed: federated learning for pictures that may not leave the camera",
            "",
            *lines,
            "",
            "isofed COMMAND --help tells more.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
