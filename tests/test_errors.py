"""An error is one readable block, travels between processes, and has its own exit code."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from costeff import errors
from costeff.errors import CosteffError, ExitCode, ParamsError, Problem, Problems, SetupError, UsageError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CosteffError)]
TWO = [Problem("params/units.yaml:3 care_day.unit", "unknown key", "remove it"), Problem("here", "is wrong")]


def refuse(kind: type[CosteffError]) -> None:
    raise kind("It cannot be done", TWO)


def test_an_error_is_a_block_with_the_place_first_and_the_cure_below() -> None:
    assert str(ParamsError("The parameters do not hold together", TWO)) == (
        "The parameters do not hold together\n"
        "  params/units.yaml:3 care_day.unit: unknown key\n"
        "    -> remove it\n"
        "  here: is wrong"
    )


def test_an_error_without_problems_is_its_title() -> None:
    assert str(UsageError("No such thing")) == "No such thing"


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_pickles_whole(kind: type[CosteffError]) -> None:
    error = kind("It cannot be done", TWO)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(copy) is kind
    assert (copy.title, copy.problems, copy.code, str(copy)) == (error.title, error.problems, error.code, str(error))


def test_an_error_comes_back_from_another_process() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool, pytest.raises(SetupError) as caught:
        pool.submit(refuse, SetupError).result()
    assert caught.value.problems == tuple(TWO)


def test_problems_given_as_an_iterator_are_kept() -> None:
    def some() -> Iterator[Problem]:
        yield from TWO

    error = UsageError("It cannot be done", some())
    assert error.problems == tuple(TWO)
    assert "is wrong" in str(error)


def test_each_kind_has_its_own_exit_code() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(KINDS)
    assert set(codes) == set(ExitCode) - {ExitCode.OK}
    assert len({int(code) for code in ExitCode}) == len(ExitCode)


def test_exit_codes_are_those_that_scripts_rely_on() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0, "BUG": 1, "USAGE": 2, "PARAMS": 3, "DATA": 4, "MODEL": 5, "PARTIAL": 6, "SETUP": 7,
    }  # fmt: skip


def test_nothing_is_raised_when_nothing_is_wrong() -> None:
    problems = Problems()
    problems.raise_if_any(ParamsError, "The parameters")
    assert not problems


def test_all_problems_collected_are_raised_and_counted() -> None:
    problems = Problems()
    problems.add("a", "is wrong", "mend it")
    with pytest.raises(ParamsError, match=r"^The parameters: 1 problem\n"):
        problems.raise_if_any(ParamsError, "The parameters")
    problems.add("b", "is wrong too")
    with pytest.raises(ParamsError, match=r"^The parameters: 2 problems\n") as caught:
        problems.raise_if_any(ParamsError, "The parameters")
    assert [problem.place for problem in caught.value.problems] == ["a", "b"]
