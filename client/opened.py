"""What a process has opened: the workshops of its runs, and the places of the sites that it serves."""

from functools import lru_cache

from flwr.app import Context

from isofed.client.place import Place
from isofed.client.workshop import Workshop

# a process serves one run at a time; two, so that a run that follows does not wait for the first to go
_workshop = lru_cache(maxsize=2)(Workshop.of)
# where a process plays many sites, it meets them again in every round
_place = lru_cache(maxsize=4096)(lambda config: Place.of(dict(config)))


def opened(context: Context) -> tuple[Workshop, Place]:
    """Return the workshop and the place for what Flower knows of a node."""
    place = _place(tuple(context.node_config.items()))
    cfg, simulated = str(context.run_config["cfg"]), place.simulated is not None
    return _workshop(cfg, place.device, simulated, place.weights), place
