"""A municipality that does not exist, told by appraisals with the shape the real ones have."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import xarray as xr

from costeff.chain import Impact, ImpactChain, Input, Node, Outcome
from costeff.decision import net_saving
from costeff.params.entries import Component, PriceSet, StatePrice, Uncertain, Uncounted
from costeff.params.links import Link, LinkOrigin, LinkTarget
from costeff.params.payers import ClawBack, Return
from costeff.report.page import Page
from costeff.spec import Label

DRAWS, YEARS = 400, 10
LEFT_OUT = json.dumps([{"fi": "Perhehoito puuttuu.", "sv": "Familjevård saknas.", "en": "Foster care is left out."}])


def label(fi: str, sv: str, en: str) -> Label:
    return Label(fi=fi, sv=sv, en=en)


def appraisal(
    *, price: float = 9_000, effect: float = 0.045, person_year: float = 61_000, seed: int = 1, years: int = YEARS,
    linked: float = 0.0, **attrs: object,
) -> xr.Dataset:  # fmt: skip
    """100 clients; the county pays for the service and most of what is avoided, Kela a little.

    `linked` is the share of the avoided cost that comes by links.
    """
    rng = np.random.default_rng(seed)
    year = np.arange(2026, 2026 + years)
    usual = rng.normal(0.168, 0.012, DRAWS).clip(0.01)
    avoided_risk = rng.normal(effect, 0.025, DRAWS)
    risk = np.stack([usual, (usual - avoided_risk).clip(0.001)], axis=1)
    events = xr.DataArray(100 * risk, dims=("draw", "option"))
    payer = ["municipality", "county", "kela"]
    cost = np.zeros((DRAWS, 2, 3, years))
    cost[:, 1, 1, 0] = 100 * rng.normal(price, price * 0.08, DRAWS)
    cost[:, 0, 1, 0] = 100 * rng.normal(3_000, 200, DRAWS)
    stay = 0.8 ** np.arange(years)
    person_years = events.values[:, :, None, None] * stay * np.array([0.03, 0.95, 0.02])[:, None]
    average = person_years * rng.normal(person_year, person_year * 0.1, DRAWS)[:, None, None, None]
    cashable = average * np.clip(np.linspace(0.3, 0.8, years), 0, 1)
    dims = ("draw", "option", "payer", "year")
    data = xr.Dataset(
        {"cost": (dims, cost), "average": (dims, average), "cashable": (dims, cashable), "events": events},
        coords={"draw": np.arange(DRAWS), "option": ["usual", "new"], "payer": payer, "year": year},
    )
    data["effect"] = 1 - data["events"] / 100
    data["avoided"] = data["cashable"].sel(option="usual", drop=True) - data["cashable"]
    data["avoided_average"] = data["average"].sel(option="usual", drop=True) - data["average"]
    data["avoided_linked"] = data["avoided"] * linked
    lost = (data["events"].sel(option="usual", drop=True) - data["events"].sel(option="new", drop=True)) / 100
    data["time_avoided"] = lost * xr.DataArray(100 * stay, dims="year")
    data["discount"] = ("year", 1.03 ** -np.arange(years))
    given = {
        "municipality": "999", "municipality_fi": "Mallila", "municipality_sv": "Modellby", "county": "99",
        "county_fi": "Esimerkkilän hyvinvointialue", "county_sv": "Exempelnejdens välfärdsområde",
        "county_en": "Exampleland wellbeing services county", "clients": 100, "price_set": "quoted",
        "price_year": "2018", "service_price_year": "2026", "unit": "EUR", "seed": 20260101,
        "sources": json.dumps(["unit_costs_2025", "quoted_2018"]), "input_hash": "9f2c6a7be01d44aa", "gate_passed": 1,
        "gate_reasons": "[]", "synthetic": 1, "evidence": "shared", "pooling": 0.83,
        "service_price_quality": "assumption",
        "n_clients_protected": 45, "mass": 0.9, "version": "0.1.0", "persistence": "stops", "links": "[]",
        "links_off": json.dumps(["later_prison", "later_exclusion"]), "claw_back": 0, "whole_units": 0,
        "not_counted": "[]",
    }  # fmt: skip
    return data.drop_vars(["average", "cashable"]).assign_attrs({**given, **attrs})


def with_research(data: xr.Dataset, *, alone: bool = True, **changes: object) -> xr.Dataset:
    """An appraisal in which research that expects fewer events was the prior; `alone`: the data can be told apart."""
    rng = np.random.default_rng(5)
    usual, new = (data["events"].sel(option=option, drop=True) / 100 for option in ("usual", "new"))
    ratio = np.exp(rng.normal(-0.6, 0.3, DRAWS))
    data["ratio"] = new * (1 - usual) / (usual * (1 - new))
    data["ratio_prior"] = ("draw", ratio)
    data["events_prior"] = 100 * usual * ratio / (1 - usual + usual * ratio)
    data["weight_alone"] = ("draw", np.linspace(0.5, 1.5, DRAWS) if alone else np.full(DRAWS, np.nan))
    prior = {"mean": -0.6, "sd": 0.3, "weight": 0.5, "weak_mean": 0.0, "weak_sd": 0.5}
    told = {"belief": "discounted", "sources": ["quoted_2018"], "made_so": False, "prior": prior}
    told |= {"believed_after": 0.27, "effective_draws": 370.0, **changes}
    return data.assign_attrs(evidence_prior=json.dumps(told), measure="odds_ratio")


def with_areas(data: xr.Dataset, *, ahead: float = 0.0, spread: float = 0.3, **attrs: object) -> xr.Dataset:
    """An appraisal beside its county, municipalities of its size and the country; how far it is ahead of the last.

    `ahead` is events avoided for 100 clients, each worth 50 000 EUR; `spread` the deviation of the difference.
    """
    kinds = {"county": 0.5, "similar": 0.8, "country": 1.0}
    data = _beside(data, "area", {kind: share * ahead for kind, share in kinds.items()}, spread)
    names = {"similar_fi": "Kunnat, 5 000–19 999 asukasta", "similar_sv": "Kommuner med 5 000–19 999 invånare"}
    return data.assign_attrs(names | {"similar_en": "Municipalities of 5,000 to 19,999 people"} | attrs)


def with_members(data: xr.Dataset, names: dict[str, str], *, ahead: float = 0.0, spread: float = 0.3) -> xr.Dataset:
    """A county's appraisal with its municipalities by code: all but the first as much behind as `ahead` says."""
    behind = {code: ahead if number else 0.0 for number, code in enumerate(names)}
    data = _beside(data, "member", behind, spread)
    told = {code: dict.fromkeys(("fi", "sv", "en"), name) for code, name in names.items()}
    county = {f"municipality_{language}": data.attrs[f"county_{language}"] for language in ("fi", "sv", "en")}
    return data.assign_attrs(county, members=json.dumps(told), municipality="99", n_clients_protected=-1)


def _beside(data: xr.Dataset, dim: str, behind: dict[str, float], spread: float) -> xr.Dataset:
    rng = np.random.default_rng(8)
    usual, new = (data["events"].sel(option=option).to_numpy() for option in ("usual", "new"))
    saved = net_saving(data).to_numpy()
    rows = np.stack([less + rng.normal(0, spread, DRAWS) for less in behind.values()], axis=1)
    parts = {"events": np.repeat(usual[:, None], len(behind), 1), "avoided": (usual - new)[:, None] - rows}
    parts["net_saving"] = saved[:, None] - 50_000 * rows
    return data.assign({f"{dim}_{name}": (("draw", dim), part) for name, part in parts.items()}).assign_coords(
        {dim: list(behind)}
    )


def family_work(title: Label | None = None) -> ImpactChain:
    named = title or label("Tehostettu perhetyö", "Intensifierat familjearbete", "Intensive family work")
    return ImpactChain(
        id="family_work",
        label=named,
        option=label("tehostettu perhetyö", "intensifierat familjearbete", "intensive family work"),
        comparator=label("tavanomainen avohuolto", "sedvanlig öppenvård", "usual open care"),
        input=Input(
            label=label("Perhetyön tunnit kotona", "Timmar av familjearbete i hemmet", "Hours of family work at home"),
            indicator=label("Kustannus asiakasta kohti", "Kostnad per klient", "Cost per client"),
            kind="quantity",
            cost="register",
            payer="county",
        ),
        output=Node(
            label=label("Perhe on saanut jakson", "Familjen har fått en period", "The family has had a period"),
            indicator=label("Jakson saaneiden määrä", "Antal som fått en period", "Clients who had a period"),
            kind="quantity",
        ),
        outcome=Outcome(
            label=label("Lapsi asuu kotona", "Barnet bor hemma", "The child lives at home"),
            indicator=label(
                "Sijoitettujen osuus vuodessa", "Andel placerade inom ett år", "Share placed within a year"
            ),
            kind="effect",
            event=label(
                "lapsen sijoitus kodin ulkopuolelle", "placering av barnet utanför hemmet", "placement outside the home"
            ),
            unit=label("sijoitus", "placering", "placement"),
            data="register",
            outcome="placement",
            source=("thl",),
            model="binary",
            follow_up_days=365,
            transfer="risk",
        ),
        impact=Impact(
            label=label("Vähemmän vuosia huostassa", "Färre år som omhändertagen", "Fewer years in care"),
            indicator=label(
                "Huostavuodet ja niiden kustannus", "År som omhändertagen och kostnaden", "Years in care and their cost"
            ),
            kind="effect",
            model="taking_into_care",
            price_set="quoted",
            horizon_years=10,
        ),
        evidence=label(
            "Vaikutus on arvioitu rekisteristä, jossa kunnat oppivat toisiltaan yhteisen mallin kautta.",
            "Effekten har skattats ur ett register där kommunerna lär av varandra genom en gemensam modell.",
            "The effect is estimated from a register in which municipalities learn from each other through one model.",
        ),
        does_not_show=(
            label(
                "Miten lapsen elämä jatkuu aikuisena.",
                "Hur barnets liv fortsätter som vuxen.",
                "The child's adult life.",
            ),
        ),
    )


def _unit_cost(name: str, quality: str) -> SimpleNamespace:
    """A round figure without an interval, or one that was counted."""
    ends = (None, None) if quality == "stated" else (432.0, 528.0)
    value = SimpleNamespace(
        quality=quality, mean=480.0, low=ends[0], high=ends[1], mass=0.95, price_year=2024, source=("unit_costs_2025",)
    )
    named = label(f"hoitopäivä ({name})", f"vårddygn ({name})", f"day of care ({name})")
    return SimpleNamespace(label=named, basis="care_day", latest=value, values=[value])


def _price_set(name: str, label_: Label, cost: str, *reasons: Label) -> PriceSet:
    left_out = tuple(Uncounted(cost="foster_family_day", reason=reason) for reason in reasons)
    state = StatePrice(components=(Component(cost=cost),), not_counted=left_out)
    about = label(f"Kuvaus: {label_.fi}.", f"Beskrivning: {label_.sv}.", f"About {label_.en}.")
    return PriceSet(id=name, label=label_, description=about, prices={"taking_into_care": {"institution": state}})


def _link(name: str, kind: str, label_: Label, *contains: str) -> Link:
    return Link(
        id=name,
        label=label_,
        origin=LinkOrigin(model="taking_into_care", entered=("institution",)),
        target=LinkTarget(model="prison", start="at_liberty"),
        evidence="placement_long_run",
        outcome="conviction",
        kind=kind,  # type: ignore[arg-type]
        baseline=Uncertain(mean=0.03, low=0.01, high=0.08, family="beta", source=("thl",), quality="study"),
        window_years=7,
        delay_years=6,
        contains=contains,
        note="A note.",
    )


LINKS = (
    _link("later_prison", "association", label("Myöhempi vankeus", "Senare fängelse", "Later prison")),
    _link("later_care", "effect", label("Myöhempi hoito", "Senare vård", "Later care")),
    _link(
        "later_exclusion", "association", label("Koulutuksen puute", "Avsaknad av utbildning", "Missing education"),
        "later_prison",
    ),
)  # fmt: skip
CLAW_BACK = ClawBack(
    label=label("Jälkikäteistarkistus", "Efterhandsjustering", "Correction afterwards"),
    payer="county",
    to="state",
    lag_years=2,
    note="A note.",
    turns=tuple(
        Return(valid_from=date(year, 1, 1), share=share, source=("law",))
        for year, share in ((2026, 0.65), (2027, 0.6), (2030, 0.55))
    ),
)


def catalogue(chain: ImpactChain | None = None) -> SimpleNamespace:
    """The part of the catalogue that a page reads."""
    sources = {
        "unit_costs_2025": SimpleNamespace(
            title="Sosiaali- ja terveyspalvelujen yksikkökustannukset",
            publisher="VM, STM, THL",
            published="2025-12-16",
            url="https://www.example.org/unit-costs",
        ),
        "quoted_2018": SimpleNamespace(
            title="Round figures quoted in the sector", publisher="Sitra", published="2018", url=None
        ),
    }
    quoted = label("alalla esitetyt luvut", "tal som anförs i branschen", "figures quoted in the sector")
    national = label("kansalliset yksikkökustannukset", "nationella enhetskostnader", "national unit costs")
    foster = label("Perhehoito puuttuu.", "Familjevård saknas.", "Foster care is left out.")
    sets = {
        "quoted": _price_set("quoted", quoted, "round"),
        "national": _price_set("national", national, "counted", foster),
    }
    found = chain or family_work()
    qualities = {"round": "stated", "counted": "register"}
    costs = {name: _unit_cost(name, quality) for name, quality in qualities.items()}
    half_life = SimpleNamespace(mean=2, low=0.5, high=5)
    return SimpleNamespace(
        chains={found.id: found},
        sources=sources,
        price_sets=sets,
        unit_costs=costs,
        units={"care_day": SimpleNamespace(label=label("hoitovuorokausi", "vårddygn", "care day"))},
        links={link.id: link for link in LINKS},
        claw_back=CLAW_BACK,
        conventions=SimpleNamespace(effect_half_life_years=half_life),
    )


def write_tree(path: Path, groups: dict[str, xr.Dataset]) -> Path:
    from costeff.appraisal.files import pack

    keys = {
        name: name.split("/") if name.count("/") == 1 else (name, data.attrs["price_set"])
        for name, data in groups.items()
    }
    path.write_bytes(pack({tuple(keys[name]): data for name, data in groups.items()}))  # type: ignore[misc]
    return path


REASON = {"check": "rhat", "where": "effect", "value": 1.3, "limit": 1.01, "passed": False}
REASON_TEXT = {
    "fi": "Simuloinnin ketjut eivät päätyneet samaan tulokseen (R-hat).",
    "sv": "Simuleringens kedjor kom inte fram till samma resultat (R-hat).",
    "en": "The chains of the simulation did not reach the same result (R-hat).",
}


def three_chains() -> dict[str, xr.Dataset]:
    """A saving with two price sets, a loss, and a model that failed its checks."""
    return {
        "family_work/quoted": appraisal(order=1),
        "family_work/national": appraisal(
            person_year=98_000, price_set="national", price_year="2024", order=1, not_counted=LEFT_OUT
        ),
        "post_release": appraisal(
            price=14_000, effect=-0.004, seed=2, price_set="national", evidence="borrowed", pooling=float("nan"),
            n_clients_protected=-1, order=2,
        ),
        "substance": appraisal(seed=3, order=3, gate_passed=0, gate_reasons=json.dumps([REASON])),
    }  # fmt: skip


def executed(page: Page) -> nbformat.NotebookNode:
    """The notebook as a kernel would have left it: code, output, and a note between them for analysts."""
    from IPython.core.formatters import DisplayFormatter

    formatter = DisplayFormatter()
    book = nbformat.v4.new_notebook()
    book.cells.append(nbformat.v4.new_markdown_cell("# For analysts only"))
    for name in ("answer", "who_pays", "how_sure", "in_comparison", "members", "steering", "sources"):
        cell = nbformat.v4.new_code_cell(f"page.{name}()", execution_count=1)
        data, metadata = formatter.format(getattr(page, name)())
        cell.outputs.append(nbformat.v4.new_output("execute_result", data, metadata=metadata, execution_count=1))
        book.cells.append(cell)
    return book
