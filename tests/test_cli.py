"""The command as a user meets it: what it prints, what it returns, and never a traceback for a user's mistake."""

import os
import shutil
import subprocess
import sys

import pytest
from commands import ROOT, costeff


def test_params_check_says_what_there_is():
    done = costeff("params", "check")
    assert done.returncode == 0
    assert "308 municipalities" in done.stdout


def test_params_show_prints_a_value_with_its_source():
    done = costeff("params", "show", "prisoner_year", env={"COLUMNS": "200"})
    assert done.returncode == 0
    for text in ("81,980", "2024", "budget_2024", "Ministry of Finance", "assumption"):
        assert text in done.stdout


def test_params_show_tells_what_a_contract_pays():
    done = costeff("params", "show", "family_work_mixed_with_cap")
    for text in ("60,000 EUR a good outcome", "50 EUR an hour worked", "at most", "source stated_assumption"):
        assert text in done.stdout
    assert done.stdout.count("family_work_mixed_with_cap") == 1


def test_a_narrow_terminal_cuts_no_name():
    shown = costeff("params", "show", "closed_prison_day", env={"COLUMNS": "80"}).stdout
    table, _, _ = shown.partition("  cashable.short:")
    assert "…" not in table
    assert "cashable.medium" in table


def test_params_show_lists_every_id():
    ids = costeff("params", "show").stdout.split()
    assert {"prisoner_year", "national", "prison.short_years", "placement_to_prison"} <= set(ids)


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("params", "show", "prisoner_yaer"), 2, "did you mean prisoner_year"),
        (("run", "-m", "91"), 2, "write 091 (Helsinki)"),
        (("run", "-m", "165", "--lang", "se"), 2, "use fi, sv, en"),
        (("run", "-m", "165", "-p", "horison=5"), 2, "is not a parameter of the template"),
        (("run", "-m", "165", "--draws", "many"), 2, "valid integer"),
        (("run",), 2, "--all"),
        (("run", "-m", "165", "--link", "placement_to_exclusion", "--link", "placement_to_prison"), 2,
         "contains placement_to_prison: the same cost would count twice -> choose one of them"),
        (("run", "-m", "165", "--link", "placement_to_prisn"), 2, "is not a link -> known: placement_to_prison"),
        (("run", "-m", "165", "--chain", "post_release_support", "--link", "placement_to_prison"), 2,
         "starts in taking_into_care, which no chain of the run uses"),
        (("run", "-m", "165", "--effect", "fades"), 2, "effect fades: is unknown -> use stops, wanes, lasts"),
        (("run", "-m", "165", "--claw-back=1"), 2, "does not take a value"),
        (("data", "check", "nowhere"), 4, "nowhere"),
        (("run", "-m", "165", "--register", "nowhere"), 4, "nowhere"),
        (("run", "-m", "165", "--price-year", "2021"), 2, "has no yearly level for 2018 and 2021"),
        (("params", "check", "nowhere"), 3, "nowhere: is not a folder"),
        (("nonsense",), 2, "No such command"),
    ],
)  # fmt: skip
def test_a_users_mistake_is_one_readable_block_with_a_fixed_exit_code(args, code, told, tmp_path):
    extra = ("--output", tmp_path / "out") if args[0] == "run" else ()
    done = costeff(*args, *extra)
    assert done.returncode == code, done.stderr
    assert told in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "out").glob("*.html"))


def test_the_switches_are_told_in_the_help():
    told = " ".join(costeff("run", "--help", env={"COLUMNS": "200"}).stdout.replace("│", " ").split())
    for option in ("--link", "--effect", "stops|wanes|lasts", "--claw-back --no-claw-back", "--whole-units"):
        assert option in told


def test_broken_params_are_all_told_with_exit_code_3(tmp_path):
    shutil.copytree(ROOT / "params", tmp_path / "params")
    (tmp_path / "params" / "unit_costs" / "prison.yaml").write_text(
        "quoted_prison:\n  unit: EUR/year\n  unit: EUR/day\n"
    )
    (tmp_path / "params" / "conventions.yaml").write_text("first_year: 2026\nsede: 1\n")
    done = costeff("params", "check", tmp_path / "params")
    assert done.returncode == 3
    assert "unit_costs/prison.yaml:3" in done.stderr
    assert "sede" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_that_cannot_be_written_is_a_setup_error(tmp_path):
    (tmp_path / "file").write_text("")
    done = costeff("run", "-m", "165", "--output", tmp_path / "file" / "run")
    assert done.returncode == 7
    assert "choose another folder" in done.stderr


def test_synth_and_data_check_go_together_and_nothing_is_overwritten(tmp_path):
    first = costeff("synth", tmp_path / "register", "--seed", "7")
    assert first.returncode == 0
    assert "no real client" in first.stdout
    checked = costeff("data", "check", tmp_path / "register")
    assert checked.returncode == 0
    assert "synthetic data" in checked.stdout
    again = costeff("synth", tmp_path / "register")
    assert again.returncode != 0
    assert "Traceback" not in again.stderr


def test_a_process_started_outside_the_project_finds_the_clone_and_ends_with_the_code(tmp_path):
    """What the tests around this ask of `main`, as a shell starts it; without a hash seed it starts itself again."""
    env = {name: value for name, value in os.environ.items() if name not in ("COSTEFF_HOME", "PYTHONHASHSEED")}
    command = [sys.executable, "-m", "costeff.cli", "params", "show", "prisoner_yaer"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "did you mean prisoner_year" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_wrong_home_is_told(tmp_path):
    done = costeff("params", "check", cwd=tmp_path, env={"COSTEFF_HOME": str(tmp_path)})
    assert done.returncode == 7
    assert "COSTEFF_HOME" in done.stderr
