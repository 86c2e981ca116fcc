"""A command's words, read by argparse, which complains as all commands do."""

import argparse
import re
from typing import NoReturn

from isofed.errors import ConfigError
from isofed.suggest import nearest


class Parser(argparse.ArgumentParser):
    """Raises one sentence where argparse would print its usage and leave; options are written out."""

    def __init__(self, prog: str, description: str) -> None:
        argparse.ArgumentParser.__init__(self, prog=prog, description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError, with the nearest option where one is not known."""
        odd = re.fullmatch(r"unrecognized arguments: (--[\w-]+).*", message)
        meant = nearest(odd[1], self._option_string_actions) if odd else ""
        raise ConfigError(f"{message}{meant or ';'} see {self.prog} --help")
