"""A chain of one's own: from the template to what can be appraised, and what is told on the way."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from commands import ROOT, costeff
from params_builders import all_broken, copy_of_params
from typer.testing import CliRunner

from costeff.appraisal import check_chains
from costeff.appraisal.own import STATES, as_table, check_own, own_chain
from costeff.batch.country import SCENARIO, scenario_of
from costeff.cli import app
from costeff.errors import CosteffError, UsageError
from costeff.params import Catalogue
from costeff.params.own_guide import guide_to, said
from costeff.spec import HOLE, LANGUAGES, TO_FILL_IN

EXAMPLE = ROOT / "notebooks" / "reablement.yaml"


@pytest.fixture(scope="module")
def params() -> Catalogue:
    return Catalogue.load(ROOT / "params")


def written(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def holes(value: object) -> int:
    """Values that wait to be filled in; the three languages of a text count as one, and so does what is shared."""
    met: dict[int, object] = {}

    def count(part: object) -> int:
        if part == HOLE or part == dict.fromkeys(LANGUAGES, HOLE):
            return 1
        if not isinstance(part, dict | list) or id(part) in met:
            return 0
        met[id(part)] = part
        return sum(map(count, part.values() if isinstance(part, dict) else part))

    return count(value)


# --- the template -------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("model", [None, "round_the_clock_care", "child_psychiatric_inpatient"])
def test_a_template_lacks_nothing_but_what_its_user_knows(tmp_path, params, language, model):
    """All optional parts in use: what is told is each hole, once, and nothing else."""
    text = own_chain("my_service", params, language, model=model)
    blocks = text.split("\n\n")
    whole = "\n".join(re.sub("^# ", "", one, flags=re.MULTILINE) if one.startswith("# # ") else one for one in blocks)
    told = check_own(written(tmp_path, whole), "en", ROOT / "params")
    assert {one.rule for one in told} == {TO_FILL_IN}
    assert len(told) == holes(yaml.safe_load(whole)) > 30
    assert all(one.cure for one in told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_hole_has_words_in_each_language(tmp_path, params, language):
    told = check_own(written(tmp_path, own_chain("my_service", params, "en")), language, ROOT / "params")
    assert all(said(TO_FILL_IN, language) == one.rule for one in told)
    assert not any("{" in one.cure.replace("[{cost", "") for one in told), "every choice is named"


def test_the_comments_of_a_template_name_the_choices_there_are(params):
    text = own_chain("my_service", params, "fi").replace("\n", " ")
    for name in (*STATES, *params.price_sets, *params.indices):
        assert name in text


def test_a_model_without_prices_asks_for_them_and_one_with_prices_does_not(params):
    assert "\nprice_sets:" in own_chain("mine", params, model="child_psychiatric_inpatient")
    assert "\nprice_sets:" not in own_chain("mine", params, model="round_the_clock_care")
    assert "\nunit_costs:" not in own_chain("mine", params, cost="register")


@pytest.mark.parametrize("name", ["Oma", "oma palvelu", "../oma", "1st", "x" * 80, "", "ömä"])
def test_a_name_that_is_no_id_is_refused(params, name):
    with pytest.raises(UsageError, match="is not an id"):
        own_chain(name, params)


def test_the_id_of_a_shipped_chain_is_refused(params):
    with pytest.raises(UsageError, match="is a chain already"):
        own_chain("intensive_family_work", params)


# --- what is added ------------------------------------------------------------------------------


def test_the_example_holds_together_and_changes_nothing_that_is_there(params):
    assert check_own(EXAMPLE, "fi", ROOT / "params") == ()
    more = Catalogue.load(ROOT / "params", own=[EXAMPLE])
    assert set(more.chains) - set(params.chains) == {"reablement"}
    assert {key: more.chains[key] for key in params.chains} == params.chains
    assert more.unit_costs.keys() - params.unit_costs.keys() == {"reablement_client"}
    assert more.hash != params.hash
    assert not check_chains(more)


def test_a_file_in_own_is_read_with_the_rest(tmp_path):
    folder = copy_of_params(tmp_path)
    (folder / "own").mkdir(exist_ok=True)
    written(folder / "own", EXAMPLE.read_text(encoding="utf-8"), "reablement.yaml")
    assert "reablement" in Catalogue.load(folder).chains
    same = Catalogue.load(folder, own=[folder / "own" / "reablement.yaml"])
    assert same.hash == Catalogue.load(folder).hash, "asked for twice, it is read once"


def test_an_own_file_cannot_change_what_is_there(tmp_path):
    text = EXAMPLE.read_text(encoding="utf-8").replace("  reablement_client:", "  home_care_client_year:")
    told = check_own(written(tmp_path, text), "en", ROOT / "params")
    assert "is an id of params/ already" in [one.rule for one in told]


def test_the_practice_register_of_a_chain_is_the_one_that_tells_its_outcome(params):
    more = Catalogue.load(ROOT / "params", own=[EXAMPLE])
    assert scenario_of(more.chains["reablement"], more) == "reablement_practice"
    assert scenario_of(more.chains["intensive_family_work"], more) == SCENARIO


# --- what is wrong ------------------------------------------------------------------------------

FAULTS = {
    "care\n    output": ("care_of_old\n    output", "chains.reablement.input.payer", "maksaja"),
    "cost: reablement_client": ("cost: reablement_price", "chains.reablement.input.cost", "yksikkökustannusta"),
    "price_set: national": ("price_set: nationl", "chains.reablement.impact.price_set", "ei ole hintasarja"),
    "model: round_the_clock_care": ("model: old_age", "chains.reablement.impact.model", "ei ole malli"),
    "model: binary": ("model: logistic", "reablement.outcome.model", "ei ole malli"),
    "transfer: risk": ("transfer: odds", "chains.reablement.outcome.transfer", "jokin näistä"),
    "follow_up_days: 365": ("follow_up_days: one year", "chains.reablement.outcome.follow_up_days", "kokonaisluku"),
    "mean: 1740": ("mean: 1 740", "reablement_client.values.0.mean", "luku"),
    "valid_from: 2024-01-01": ('valid_from: "1.1.2024"', "reablement_client.values.0.valid_from", "päivä"),
    "index: basic_public_services": ("index: inflation", "unit_costs.reablement_client.index", "hintaindeksi"),
    "unit_costs_2025": ("my_head", "reablement_client.values.0.source", "lähdettä my_head ei ole"),
    "  kind: quantity\n      cost": ("  cost", "chains.reablement.input.kind", "puuttuu"),
    "    evidence:": ("    evidense:", "chains.reablement.evidense", "tuntematon avain"),
    "price_set: national\n": ("price_set: quoted\n", "reablement.impact.price_set", "ei sisällä"),
    "\nchains:": ("\nchain:", "chain", "tuntematon avain"),
    "label: {fi: Kuntouttava kotihoitojakso, sv": ("label: {fi: Oma: palvelu: ei, sv", "", "ei ole oikein muotoiltua"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda text: text.strip()[:30])
def test_a_fault_is_told_in_finnish_with_its_place_and_what_to_write(tmp_path, fault):
    text = EXAMPLE.read_text(encoding="utf-8")
    assert fault in text
    new, place, words = FAULTS[fault]
    told = check_own(written(tmp_path, text.replace(fault, new, 1)), "fi", ROOT / "params")
    found = [one for one in told if words in one.rule]
    assert found, told
    assert place in found[0].place
    assert found[0].cure


OWN_KINDS = ("unit_costs/", "chains/", "contracts/", "price_sets.yaml", "indicators/", "sources.yaml")


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_what_can_be_wrong_in_a_file_of_ones_own_is_told_in_every_language(language):
    """Every text that the broken files of these kinds expect; what they expect is held elsewhere."""
    cases = [case for case in all_broken() if case.target.startswith(OWN_KINDS) and case.name != "id_in_two_files"]
    lines = [line for case in cases for line in case.told.splitlines()]
    texts = {line.strip().removeprefix("-> ") if "-> " in line else line.split(": ", 1)[1] for line in lines}
    texts = {re.sub(r" \(it is .*\)$", "", text) for text in texts}  # which is a text around a rule
    assert len(texts) > 60
    assert [text for text in sorted(texts) if not said(text, language)] == []


CONTRACT = """
contracts:
  my_contract:
    source: [stated_assumption]
    reason: To try.
    label: {fi: Oma, sv: Egen, en: Mine}
    indicator: reablement.output
    cap: 10
    floor: 20
    terms:
      - {price: 70, source: [stated_assumption], reason: To try.}
      - {kind: outcome_price, against: baseline, target: 0.5, price: 8}
"""


@pytest.mark.parametrize(
    ("language", "words"),
    [("fi", ["ehdosta puuttuu sen laji", "ei ole tavoitetta", "on alempi kuin alaraja"]),
     ("sv", ["villkoret saknar sitt slag", "har inget mål", "är lägre än golvet"])],
)  # fmt: skip
def test_a_contract_of_ones_own_is_told_in_the_language(language, words, tmp_path):
    file = written(tmp_path, EXAMPLE.read_text(encoding="utf-8") + CONTRACT)
    told = check_own(file, language, ROOT / "params")
    assert [word for word in words if not any(word in one.rule for one in told)] == [], told
    english = {one.rule for one in check_own(file, "en", ROOT / "params")}
    assert not english & {one.rule for one in told}


def test_what_has_no_translation_is_not_hidden():
    assert said("a rule of tomorrow", "fi") is None
    assert said("a rule of tomorrow", "en") == "a rule of tomorrow"


NO_CHAIN = [b"", b"- 1\n", b"\xff\xfe", b"a: &x [*x]\n", b"chains: 5\n", b"chains: {x: 5}\n", b"chains: {}\n"]


@pytest.mark.parametrize("content", NO_CHAIN)
def test_a_file_that_is_no_chain_at_all_is_told_and_nothing_breaks(tmp_path, content):
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    told = check_own(file, "sv", ROOT / "params")
    assert told
    assert list(as_table(told)) == ["where", "what is wrong", "what to write"]


def test_a_place_inside_a_list_finds_its_words():
    assert guide_to(("chains", "x", "does_not_show", "0", "sv"), "en").endswith("(in Swedish).")
    assert guide_to(("nothing", "x"), "en") == ""


# --- the command --------------------------------------------------------------------------------


def test_new_writes_a_file_that_check_tells_to_fill_in(tmp_path):
    done = costeff("chain", "new", "my_service", "--lang", "fi", cwd=tmp_path)
    assert done.returncode == 0
    assert "costeff chain check my_service.yaml" in done.stdout
    checked = costeff("chain", "check", "my_service.yaml", "--lang", "fi", cwd=tmp_path)
    assert checked.returncode == 3
    assert "Palvelun nimi" in checked.stderr
    assert "Traceback" not in checked.stderr


def test_new_asks_who_sits_at_a_terminal(tmp_path, monkeypatch):
    monkeypatch.setattr("costeff.cli.chain.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COSTEFF_HOME", str(ROOT))
    number = list(STATES).index("prison") + 1
    done = CliRunner().invoke(app, ["chain", "new", "mine", "--lang", "fi"], input=f"{number}\nregister\n")
    assert done.exit_code == 0, done.output
    assert "Mikä kustannus palvelulla vältetään?" in done.output
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert "model: prison" in text
    assert "cost: register" in text
    again = CliRunner().invoke(app, ["chain", "new", "other", "--model", "prison"], input="\n")
    assert again.exit_code == 0, "an empty answer leaves it for later"
    assert "cost: other_client" in (tmp_path / "other.yaml").read_text(encoding="utf-8")


def test_new_never_overwrites(tmp_path):
    file = written(tmp_path, "mine", "my_service.yaml")
    done = costeff("chain", "new", "my_service", cwd=tmp_path)
    assert done.returncode == 7
    assert "never overwritten" in done.stderr
    (tmp_path / "link.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    assert costeff("chain", "new", "my_service", "-o", "link.yaml", cwd=tmp_path).returncode == 7
    assert file.read_text() == "mine"
    assert not (tmp_path / "elsewhere.yaml").exists()
    done = costeff("chain", "new", "my_service", "-o", "my_service.yaml/below.yaml", cwd=tmp_path)
    assert done.returncode == 7
    assert "my_service.yaml/below.yaml: " in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "my_service.yaml"], "nothing half-written"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (
            ("new", "Oma"),
            2,
            "'Oma': is not an id",
        ),
        (("new", "mine", "--model", "prisn"), 2, "choose of taking_into_care"),
        (("new", "mine", "--cost", "free"), 2, "use price or register"),
        (("new", "mine", "--lang", "se"), 2, "use fi, sv or en"),
        (("check", "reablemnt"), 2, "known: intensive_family_work"),
        (("check", "nowhere.yaml"), 3, "is not a file"),
    ],
)
def test_a_mistake_is_one_block_with_its_code(tmp_path, words, code, told):
    done = costeff("chain", *words, cwd=tmp_path)
    assert done.returncode == code
    assert told in " ".join(done.stderr.split())
    assert not list(tmp_path.glob("*"))


@pytest.mark.parametrize(("language", "told"), [("fi", "ketju on kunnossa"), ("sv", "i ordning"), ("en", "together")])
def test_check_tells_what_holds_and_what_the_register_needs(language, told):
    done = costeff("chain", "check", EXAMPLE, "--lang", language)
    assert done.returncode == 0
    assert told in done.stdout
    assert "round_the_clock_move" in done.stdout
    assert "params/own/" in done.stdout


def test_a_file_in_its_place_is_checked_like_any_other(tmp_path, params):
    folder = copy_of_params(tmp_path)
    (folder / "own").mkdir(exist_ok=True)
    file = written(folder / "own", EXAMPLE.read_text(encoding="utf-8"), "reablement.yaml")
    done = costeff("chain", "check", file, env={"COSTEFF_HOME": str(tmp_path)})
    assert done.stdout.count("holds together") == 1, "the chains of this file, and no other"
    assert "move the file" not in done.stdout
    written(folder / "own", own_chain("reablement", params), "reablement.yaml")
    done = costeff("chain", "check", file, "--lang", "fi", env={"COSTEFF_HOME": str(tmp_path)})
    assert done.returncode == 3
    assert "Palvelun nimi" in done.stderr


def test_a_shipped_chain_can_be_checked_by_its_id():
    done = costeff("chain", "check", "intensive_family_work", "--lang", "fi")
    assert done.returncode == 0
    assert "taulun episodes sarake cost" in done.stdout


def test_an_unfinished_file_in_own_is_an_error_of_params_and_names_itself(tmp_path, params):
    folder = copy_of_params(tmp_path)
    (folder / "own").mkdir(exist_ok=True)
    written(folder / "own", own_chain("mine", params), "mine.yaml")
    with pytest.raises(CosteffError, match=r"own/mine\.yaml:\d+ chains\.mine\.label: is still to be filled in"):
        Catalogue.load(folder)
