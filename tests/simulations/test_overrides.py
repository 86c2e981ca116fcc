import pytest

from isofed.errors import ConfigError
from isofed.simulations.overrides import check_options, from_home, options_first, own_strategy, single


def test_the_main_job_takes_no_words_at_all() -> None:
    check_options([])
    assert list(single([], multirun=False)) == [[]]


@pytest.mark.parametrize("argv", [["--cfg"], ["--cfg", "jbo"], ["--multirn"], ["-m", "--cfg", "job"]])
def test_a_wrong_option_is_refused(argv: list[str]) -> None:
    with pytest.raises(ConfigError):
        check_options(argv)


def test_options_that_exist_pass() -> None:
    check_options(["--cfg", "job", "seed=0"])
    check_options(["--multirun", "seed=0,1"])


def test_an_option_may_stand_between_the_words() -> None:
    words = ["rounds=2", "--multirun", "seed=0,1", "--cfg", "job", "cohort=3"]
    assert options_first(words) == ["--multirun", "--cfg", "job", "rounds=2", "seed=0,1", "cohort=3"]
    assert options_first(["--resume", "RUN"]) == ["--resume", "RUN"] and options_first([]) == []


def test_a_run_s_folder_may_lie_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    words = ["hydra.run.dir=~/runs/a b", "hydra.sweep.dir=~", "seed=1", "hydra.run.dir=a~b", "data.root=~/x"]
    assert from_home(words) == ["hydra.run.dir=/home/me/runs/a b", "hydra.sweep.dir=/home/me", *words[2:]]


def test_a_sweep_over_files_goes_over_their_names() -> None:
    words = own_strategy(["--multirun", "strategy=a/mine.py:f,b.py:g", "seed=1"])
    assert words == ["--multirun", "seed=1", "strategy=own", "strategy.name='a/mine.py:f','b.py:g'"]
    names = [values[-1] for values in single(words[1:], multirun=True)]
    assert names == ["strategy.name='a/mine.py:f'", "strategy.name='b.py:g'"]


def test_a_name_with_a_dot_is_never_an_option() -> None:
    words = ["strategy=theirs.FedSomething", "strategy.lr=0.1"]
    assert own_strategy(words) == ["+strategy.lr=0.1", "strategy=own", "strategy.name='theirs.FedSomething'"]


def test_one_sweep_goes_over_files_and_over_options_of_the_group() -> None:
    words = own_strategy(["--multirun", "strategy=fedavg,mine.py:f"])
    assert words == ["--multirun", "strategy=own", "strategy.name='fedavg','mine.py:f'"]
