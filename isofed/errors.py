"""Everything isofed raises on purpose.

IsofedError                 one clear sentence: what was found, what was expected, what to do
├── ConfigError             an unknown name, an unknown key or a value of the wrong type
├── DataError               a folder, file or image that is not what its layout promises
├── CompositionError        parts that make no sense together, found when they are put together
├── ContractError           something was about to leave a site that may not leave it
├── CheckpointError         a checkpoint or site memory that is damaged or belongs elsewhere
├── BudgetError             a reply would give away more than a site's privacy budget has left
│   └── SpentError          likewise at the site itself, and no waiting changes it
└── RoundError              a round that could not be completed: too few usable reports
"""


class IsofedError(Exception):
    """Base of all errors whose text is written for the person at the keyboard."""


class ConfigError(IsofedError):
    """A name, key or value in the configuration is not one we know."""


class DataError(IsofedError):
    """Data on disk differ from the published layout."""


class CompositionError(IsofedError):
    """Recipe, task, protocol or engine do not fit each other."""


class ContractError(IsofedError):
    """A report holds something that its contract does not let out."""


class CheckpointError(IsofedError):
    """A stored state is damaged, or is not the one asked for."""


class BudgetError(IsofedError):
    """A reply costs more than a site's privacy budget has left."""


class SpentError(BudgetError):
    """A site's privacy budget is spent: it will answer no more, until somebody raises the limit."""


class RoundError(IsofedError):
    """A round ended without enough usable reports."""
