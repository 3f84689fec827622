"""Pages on this machine: they begin as their appraisals come, and end when they are told to."""

from pathlib import Path
from threading import Event

import pytest

from costeff.batch import local
from costeff.batch.notebooks import Done, Job

PATIENCE = 10


def job(code):
    return Job(code, "fi", ("fi",), Path("template"), Path("appraisal"))


def test_a_page_is_made_while_the_next_appraisal_is_computed(monkeypatch):
    made = {code: Event() for code in ("165", "478")}

    def run_job(one):
        made[one.municipality].set()
        return Done(one, 0.0)

    def jobs():
        for code, begun in made.items():
            yield job(code)
            assert begun.wait(PATIENCE), "it waited for all of them"

    monkeypatch.setattr(local, "run_job", run_job)
    assert sorted(done.job.municipality for done in local.run_jobs(jobs(), 2)) == ["165", "478"]


def test_what_ended_is_told_before_all_have_come(monkeypatch):
    told = Event()
    monkeypatch.setattr(local, "run_job", lambda one: told.set() or Done(one, 0.0))
    came = []

    def jobs():
        for number in range(100):
            came.append(number)
            yield job(f"{number:03}")
            assert told.wait(PATIENCE)

    ended = local.run_jobs(jobs(), 1)
    next(ended)
    assert len(came) < 100
    ended.close()


def test_when_it_is_closed_nothing_more_is_begun(monkeypatch):
    begun, go = [], Event()

    def run_job(one):
        begun.append(one.municipality)
        if len(begun) > 1:
            go.wait(PATIENCE)
        return Done(one, 0.0)

    monkeypatch.setattr(local, "run_job", run_job)
    ended = local.run_jobs([job(f"{number:03}") for number in range(20)], 1)
    next(ended)
    ended.close()
    go.set()
    assert len(begun) <= 2


def test_an_appraisal_that_cannot_be_computed_ends_the_run(monkeypatch):
    monkeypatch.setattr(local, "run_job", lambda one: Done(one, 0.0))

    def jobs():
        yield job("165")
        raise ValueError("no appraisal")

    with pytest.raises(ValueError, match="no appraisal"):
        list(local.run_jobs(jobs(), 2))
