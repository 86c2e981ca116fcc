import pytest

from isofed.errors import ConfigError
from isofed.simulations.overrides import check_options, own_strategy, single


def test_the_main_job_takes_no_words_at_all() -> None:
    check_options([])
    assert list(single([], multirun=False)) == [[]]


@pytest.mark.parametrize("argv", [["--cfg"], ["--cfg", "jbo"], ["--multirn"]])
def test_a_wrong_option_is_refused(argv: list[str]) -> None:
    with pytest.raises(ConfigError):
        check_options(argv)


def test_options_that_exist_pass() -> None:
    check_options(["--cfg", "job", "--multirun", "seed=0,1"])


def test_a_sweep_over_files_goes_over_their_names() -> None:
    words = own_strategy(["--multirun", "strategy=a/mine.py:f,b.py:g", "seed=1"])
    assert words == ["--multirun", "seed=1", "strategy=own", "strategy.name='a/mine.py:f','b.py:g'"]
    names = [values[-1] for values in single(words[1:], multirun=True)]
    assert names == ["strategy.name='a/mine.py:f'", "strategy.name='b.py:g'"]


def test_a_name_with_a_dot_is_never_an_option() -> None:
    words = ["strategy=theirs.FedSomething", "strategy.lr=0.1"]
    assert own_strategy(words) == ["+strategy.lr=0.1", "strategy=own", "strategy.name='theirs.FedSomething'"]


def test_one_sweep_is_over_files_or_over_options_of_the_group() -> None:
    with pytest.raises(ConfigError, match="one sweep cannot hold both 'mine\\.py:f' and strategies of"):
        own_strategy(["--multirun", "strategy=fedavg,mine.py:f"])
