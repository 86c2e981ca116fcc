"""What real sites can do of what a simulation can, and whether their server is there."""

from pathlib import Path

from isofed.errors import CompositionError, ConfigError
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.nodes import register_missing
from isofed.server.hub.settings import read_settings
from isofed.simulations.plan import Plan
from isofed.simulations.traces import real
from isofed.strategies.found import is_file
from isofed.tasks.partitions import OWNER


def deployable(plan: Plan) -> Plan:
    """Return ``plan`` if real sites can do what it says.

    Raises:
        ConfigError, CompositionError: one sentence each.
    """
    read_settings(HubFolder(Path(plan.cfg["engine"]["hub"])))
    real(plan.setting().clients)
    if plan.switches.controls != "none":
        raise CompositionError(
            "the controls train on all sites' data in one place, which no deployed site lets out; write "
            "controls=none"
        )
    if plan.switches.alone:
        raise CompositionError(
            "a deployed run does not train each site by itself beside the federation; write alone=false, or "
            "compare in a simulation"
        )
    if is_file(str(plan.cfg["strategy"]["name"])):
        raise CompositionError(
            "a strategy in a file is code, and a site runs no code that comes with a run; install it at the "
            "server and at every site as a package, by the entry point isofed.strategies"
        )
    if plan.data.partition != OWNER:
        raise CompositionError("deployed sites hold what they hold; write data.partition=owner")
    if plan.data.root is not None:
        raise CompositionError("a deployed run opens no data, its sites do; leave data.root out")
    return plan


def ready(plan: Plan) -> Plan:
    """Return ``plan`` if real sites can do what it says, and their server answers; nothing is written.

    Raises:
        ConfigError, CompositionError: one sentence each.
    """
    answers(HubFolder(Path(deployable(plan).cfg["engine"]["hub"])))
    return plan


def answers(hub: HubFolder) -> None:
    """Have a server let in whom its register approves.

    Raises:
        ConfigError: it does not run.
    """
    if not register_missing(hub):
        raise ConfigError(
            f"the server in '{hub.root}' does not answer; start it with: isofed server up {hub.quoted}"
        )
