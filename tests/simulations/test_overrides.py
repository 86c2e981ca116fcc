import pytest

from isofed.errors import ConfigError
from isofed.simulations.overrides import check_options, single


def test_the_main_job_takes_no_words_at_all() -> None:
    check_options([])
    assert list(single([], multirun=False)) == [[]]


@pytest.mark.parametrize("argv", [["--cfg"], ["--cfg", "jbo"], ["--multirn"]])
def test_a_wrong_option_is_refused(argv: list[str]) -> None:
    with pytest.raises(ConfigError):
        check_options(argv)


def test_options_that_exist_pass() -> None:
    check_options(["--cfg", "job", "--multirun", "seed=0,1"])
