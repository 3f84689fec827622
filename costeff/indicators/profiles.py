"""Profiles of counties summarised: shares with intervals, cells for an ordinal model, covariates of municipalities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import get_args

import numpy as np
import pandas as pd

from costeff.chain.profile import (
    COOPERATION_LABELS,
    MODEL_LABELS,
    MODELS,
    Cooperation,
    CountyProfile,
    Profession,
)
from costeff.draws import NEW, USUAL
from costeff.errors import DataError, Problem
from costeff.records import Cells
from costeff.spec import Label

Profiles = Mapping[str, CountyProfile]
GOOD = 4  # of the scale of cooperation, from which it is told as good
COVARIATES = ("integrated", "cooperation", *(f"staff_{name}" for name in get_args(Profession)))
QUESTION = {
    "organisation": Label(fi="Organisaatiomalli", sv="Organisationsmodell", en="Organisation"),
    "targets": Label(fi="Tavoitteet asetettu", sv="Mål uppställda", en="Targets set"),
    "good": Label(fi="Yhteistyö hyvää (4–5)", sv="Bra samarbete (4–5)", en="Cooperation good (4–5)"),
}
MISSING = Label(fi="Ei vastannut: {counties}.", sv="Har inte svarat: {counties}.", en="Did not answer: {counties}.")
OF_ALL = Label(
    fi="Profiileja on {n}, alueita {all}. Pienestä määrästä ei voi päätellä paljon: katso vaihteluvälejä.",
    sv="Antal profiler: {n} av {all} områden. Av så få går det inte att sluta sig till mycket: se intervallen.",
    en="Profiles: {n} of {all} counties. So few tell little: look at the intervals.",
)
SYNTHETIC = Label(
    fi="Profiilit ovat keksittyjä: ne eivät kerro mistään alueesta.",
    sv="Profilerna är påhittade: de säger ingenting om något område.",
    en="The profiles are made up: they tell nothing of any county.",
)


def shares(profiles: Profiles, language: str = "en", mass: float = 0.9) -> pd.DataFrame:
    """Shares of counties by organisation, with targets, and with good cooperation, each with its Jeffreys interval.

    Returns
    -------
    DataFrame
        Columns question, answer, counties, answered, share, low, high. The counties are taken for a sample
        of how such counties could be: with all of them answering, a share is exact for this year and this country.
    """
    every = list(profiles.values())
    known = [one.organisation for one in every if one.organisation]
    rows = [(QUESTION["organisation"], MODEL_LABELS[model], known.count(model), len(known)) for model in MODELS]
    targets = [one.targets.set for one in every if one.targets]
    rows.append((QUESTION["targets"], QUESTION["targets"], sum(targets), len(targets)))
    for item, label in COOPERATION_LABELS.items():
        levels = [one.cooperation[item] for one in every if item in one.cooperation]
        rows.append((QUESTION["good"], label, sum(level >= GOOD for level in levels), len(levels)))
    return pd.DataFrame(
        [
            {"question": q[language], "answer": a[language], "counties": k, "answered": n}
            | dict(zip(("share", "low", "high"), (k / n, *jeffreys(k, n, mass)) if n else (np.nan,) * 3, strict=True))
            for q, a, k, n in rows
        ]
    )


def jeffreys(successes: int, trials: int, mass: float = 0.9) -> tuple[float, float]:
    """The equal-tailed Jeffreys interval of a share; its end is 0 or 1 where none or all succeeded.

    References
    ----------
    Brown, Cai and DasGupta 2001, doi:10.1214/ss/1009213286
    """
    from scipy.stats import beta

    tails = ((1 - mass) / 2, (1 + mass) / 2)
    low, high = beta.ppf(tails, successes + 0.5, trials - successes + 0.5)
    return (0.0 if successes == 0 else float(low)), (1.0 if successes == trials else float(high))


def told_missing(profiles: Profiles, counties: Mapping[str, str], language: str = "en") -> list[str]:
    """How many answered, who did not, and whether the profiles are made up; `counties` are their names by code."""
    told = [OF_ALL[language].format(n=len(profiles), all=len(counties))]
    silent = [name for code, name in counties.items() if code not in profiles]
    told += [MISSING[language].format(counties=", ".join(silent))] if silent else []
    return [*([SYNTHETIC[language]] if any(one.synthetic for one in profiles.values()) else []), *told]


def cooperation_cells(profiles: Profiles, item: Cooperation) -> Cells:
    """Counties by their answer on cooperation and by organisation, for the ordinal model of client experience.

    A county stands where a client would: the integrated ones for the new option, those by sector for the usual
    one. Counties that left either out are left out, and counted in `left_out`.

    Raises
    ------
    DataError
        When no county of one kind answered, or every county gave the same answer: there is nothing to compare.
    """
    both = [(one.organisation, one.cooperation[item]) for one in profiles.values() if _answered(one, item)]
    frame = pd.DataFrame(
        [(NEW if model == "integrated" else USUAL, "all", level) for model, level in both],
        columns=["option", "group", "level"],
    )
    if frame["option"].nunique() < 2 or frame["level"].nunique() < 2:
        cure = "wait for more profiles, or ask of another item"
        rule = f"{item}: needs answers that differ, from integrated counties and from others"
        raise DataError("There is nothing to compare", [Problem("profiles cooperation", rule, cure)])
    table = frame.groupby(["option", "group", "level"]).size().rename("n").reset_index()
    synthetic = any(one.synthetic for one in profiles.values())
    by = ("option", "group")
    return Cells("level", by, table, item, None, synthetic, "profiles of counties", len(profiles) - len(both))


def _answered(profile: CountyProfile, item: Cooperation) -> bool:
    return profile.organisation is not None and item in profile.cooperation


def profile_covariates(profiles: Profiles, counties: Iterable[str], names: Iterable[str] = COVARIATES) -> pd.DataFrame:
    """What is known of counties, as regressors of an outcome model.

    Parameters
    ----------
    counties
        Codes of the counties that the model knows.
    names
        Of `integrated` (1 or 0), `cooperation` (the mean of the answers) and `staff_<profession>`.

    Returns
    -------
    DataFrame
        A row a county, a column a name: standardised over the counties that told it, missing where not. Names
        that fewer than three counties told, or that do not differ, are left out: no slope can be told from them.
    """
    rows = {code: _values(profiles[code]) if code in profiles else {} for code in sorted(set(counties))}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=[*names], dtype=float)
    frame = frame[[name for name in frame if frame[name].count() >= 3 and _differs(frame[name])]]
    return (frame - frame.mean()) / frame.std(ddof=0)


def _differs(values: pd.Series) -> bool:
    """Whether values differ by more than rounding."""
    return bool(values.std() > 1e-9 * values.abs().max())


def _values(profile: CountyProfile) -> dict[str, float]:
    values = {f"staff_{name}": number for name, number in profile.staff.items()}
    if profile.organisation:
        values["integrated"] = float(profile.organisation == "integrated")
    if profile.cooperation:
        values["cooperation"] = float(np.mean(list(profile.cooperation.values())))
    return values
