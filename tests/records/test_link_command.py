"""`costeff link`: a user's mistakes are told as one readable block, with the exit code of their kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import ROOT, costeff
from register_builders import whole, write


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("join", "out", "gone", "gone"), 4, "does not exist"),
        (("join", "out", "register"), 2, "is fewer than two registers"),
        (("join", "out", "register", "register"), 4, "does not say with which key"),
        (("join", "register", "register", "register"), 7, "already exists"),
        (("overlap", "register"), 2, "was not collected in this register"),
        (("pseudonymise", "register", "out", "--key", "gone", "--provider", "clinic"), 7, "cannot be read"),
        (("overlap", "register", "--within-days", "-1"), 2, "--within-days"),
        (("overlap", "postgresql://bob:Secret@h/reg"), 2, "holds a password"),
        (("join", "out", "postgresql:/bob:Secret@h/reg", "register"), 4, "source: does not exist"),
        (("overlap", "register", "--mapping", "gone.yaml"), 4, "cannot be read"),
        (("join", "x" * 300, "register", "register"), 7, "File name too long"),
        (("join", "010105A900S", "register", "register"), 4, "holds a personal identity code"),
    ],
)
def test_mistakes_are_told_without_a_traceback(tmp_path: Path, words: tuple[str, ...], code: int, told: str) -> None:
    write(tmp_path / "register", whole(), "csv")
    done = costeff("link", *words, cwd=tmp_path, env={"COSTEFF_HOME": str(ROOT)})
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "Secret" not in done.stderr + done.stdout
    assert not (tmp_path / "out").exists()
