"""What a configuration means with the tables that this machine has: alike for a site and for the server."""

from collections.abc import Mapping
from typing import Any

from isofed.protocols.levels import LEVELS, LevelOptions
from isofed.protocols.local_privacy import LOCAL
from isofed.protocols.privacy import PRIVACY
from isofed.setting import Setting, build
from isofed.strategies.found import available
from isofed.strategies.uneven import CLIENTS
from isofed.tasks import TASKS
from isofed.tasks.partitions import with_partition


def setting_of(cfg: Mapping[str, Any]) -> Setting:
    """Build the setting of a configuration.

    Raises:
        ConfigError, CompositionError: see :func:`isofed.setting.build`.
    """
    tasks, strategies = with_partition(TASKS, cfg), available(cfg["strategy"].get("name"))
    return build(cfg, tasks, strategies, LEVELS, LevelOptions, PRIVACY, LOCAL, CLIENTS)
