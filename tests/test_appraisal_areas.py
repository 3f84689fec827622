"""A place beside others: areas as one more municipality, weighed by people, in files that do not know of each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from appraisal_builders import CODES, DRAWS, FAMILY, SUPPORT, attrs, cost_fit, family_fit, support_fit
from pydantic import ValidationError

from costeff import decision
from costeff.appraisal import AREAS, Area, Atlas, Request, appraise_all, measured, side_by_side
from costeff.appraisal.files import unpack
from costeff.batch import resolve
from costeff.batch.appraising import Appraised, appraise_codes
from costeff.batch.country import Fits
from costeff.batch.release import told_counts
from costeff.disclosure.publication import Publication
from costeff.draws import NEW, OPTIONS, USUAL
from costeff.errors import UsageError
from costeff.outcomes import Fit
from costeff.params import Catalogue
from costeff.params.watched import changed
from costeff.spec import Label

NAME = Label(fi="Alue", sv="Område", en="Area")
PEOPLE = {"091": 600_000, "837": 250_000, "005": 9_000}
AREA = Area("some", NAME, PEOPLE)


def appraised(catalogue: Catalogue, codes: list[str], areas: dict[str, Area], **asked: Any) -> xr.Dataset:
    chain = catalogue.chains[FAMILY]
    request = Request.of(catalogue, **{"draws": DRAWS, **asked})
    costs = cost_fit(spread=500.0)
    return appraise_all(chain, catalogue, family_fit(), codes, request, ["quoted"], costs, areas)["quoted"]


# --- an area of a few municipalities ----------------------------------------------------------------


def test_the_risk_and_the_price_of_an_area_are_those_of_its_people(catalogue: Catalogue) -> None:
    ds = appraised(catalogue, ["837", "some"], {"some": AREA})
    risk, cost = family_fit().effect["risk"], cost_fit(spread=500.0).effect["mean"]
    first = ds["cost"].sum("payer").isel(year=0)
    for draw in range(DRAWS):
        for option in OPTIONS:
            expected = price = people = 0.0
            for code, number in PEOPLE.items():
                expected += number * float(risk.sel(draw=draw, option=option, municipality=code))
                price += number * float(cost.sel(draw=draw, option=option, municipality=code))
                people += number
            here = {"draw": draw, "option": option, "municipality": "some"}
            assert float(ds["events"].sel(here)) == pytest.approx(100 * expected / people, rel=1e-12)
            assert float(first.sel(here)) == pytest.approx(100 * price / people, rel=1e-12)


def test_an_area_of_one_municipality_is_that_municipality(catalogue: Catalogue) -> None:
    alone = Area("alone", NAME, {"837": 250_000}, "08")
    ds = appraised(catalogue, ["837", "alone"], {"alone": alone})
    for name in ("events", "cost", "avoided", "time_avoided"):
        np.testing.assert_array_equal(ds[name].sel(municipality="alone"), ds[name].sel(municipality="837"))


def test_whose_money_an_area_s_is_does_not_change_how_much_it_is(catalogue: Catalogue) -> None:
    there = Area("there", NAME, PEOPLE, "91")  # where the municipality pays
    ds = appraised(catalogue, ["some", "there"], {"some": AREA, "there": there}, claw_back=True)
    saved = decision.net_saving(ds)
    np.testing.assert_allclose(saved.sel(municipality="some"), saved.sel(municipality="there"), rtol=1e-12)
    paid = abs(ds["cost"]).sum(["draw", "option", "year"])
    assert float(paid.sel(municipality="there", payer="county")) == 0 < float(paid.sel(municipality="some").max())


def test_of_an_area_no_count_and_no_local_evidence_is_told(catalogue: Catalogue) -> None:
    ds = appraised(catalogue, [*CODES, "some"], {"some": AREA}).sel(municipality="some")
    assert int(ds["n_clients_protected"]) == -1
    assert np.isnan(float(ds["pooling"]))
    assert str(ds["evidence"].item()) == "shared"


def test_a_member_without_an_estimate_is_named(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match="municipality 165: the fit has no estimate for it"):
        appraised(catalogue, ["some"], {"some": Area("some", NAME, {"091": 1, "165": 1})})


def test_places_side_by_side_keep_their_names_and_units() -> None:
    rows = {"county": np.arange(6.0).reshape(3, 2), "country": np.ones((3, 2))}
    found = side_by_side("area", rows)
    assert list(found["area"].values) == ["county", "country"]
    np.testing.assert_array_equal(found["area_net_saving"].sel(area="county"), [4.0, 5.0])
    assert {name: values.attrs["unit"] for name, values in found.items()} == {
        "area_events": "clients", "area_avoided": "clients", "area_net_saving": "EUR"
    }  # fmt: skip


# --- the areas of a catalogue -----------------------------------------------------------------------


def test_every_municipality_is_in_one_county_one_class_and_the_country(catalogue: Catalogue) -> None:
    atlas = Atlas.of(catalogue)
    for group in (atlas.counties, atlas.sizes):
        codes = [code for area in group.values() for code in area.people]
        assert sorted(codes) == sorted(catalogue.municipalities) == sorted(atlas.country.people)
    starts = [one.at_least for one in catalogue.conventions.sizes] + [10**9]
    for area, low, high in zip(atlas.sizes.values(), starts[:-1], starts[1:], strict=True):
        assert len(area.people) > 1
        assert all(low <= people < high for people in area.people.values())


def test_no_place_is_compared_with_itself(catalogue: Catalogue) -> None:
    atlas = Atlas.of(catalogue)
    assert list(atlas.beside("165")) == list(AREAS)
    assert list(atlas.beside("091")) == ["similar", "country"]  # Helsinki is a county of its own
    assert list(atlas.beside("07")) == ["country"]


@pytest.mark.parametrize(
    ("starts", "ids", "rule"),
    [
        ([1, 5], ["a", "b"], "starts at 0"),
        ([0, 5, 5], ["a", "b", "c"], "rises"),
        ([0, 9, 5], ["a", "b", "c"], "rises"),
        ([0, 5], ["a", "a"], "stands twice"),
        ([], [], "at least 1"),
    ],
)
def test_classes_that_overlap_or_leave_a_gap_are_refused(
    catalogue: Catalogue, starts: list[int], ids: list[str], rule: str
) -> None:
    sizes = [{"id": name, "at_least": start, "label": dict(NAME)} for name, start in zip(ids, starts, strict=True)]
    with pytest.raises(ValidationError, match=rule):
        catalogue.conventions.override(sizes=sizes)


# --- files of a run ---------------------------------------------------------------------------------

MANY = 100  # draws


@pytest.fixture(scope="module")
def prepared(catalogue: Catalogue) -> dict[str, Fits]:
    """Fits of the whole country, made by hand: risks and costs that differ by municipality, and a borrowed effect."""
    rng, codes = np.random.default_rng(3), list(catalogue.municipalities)
    usual = rng.uniform(0.05, 0.4, (1, len(codes))) * rng.uniform(0.8, 1.2, (MANY, 1))
    new = usual * rng.uniform(0.6, 1.0, (MANY, len(codes)))
    coords = {"draw": np.arange(MANY), "option": list(OPTIONS), "municipality": codes}
    dims = ("draw", "option", "municipality")
    effect = xr.Dataset(
        {
            "risk": (dims, np.stack([usual, new], axis=1)),
            "ratio": ("draw", rng.uniform(0.6, 0.9, MANY)),
            "pooling": ("municipality", rng.uniform(0, 1, len(codes))),
            "clients": ("municipality", rng.integers(0, 200, len(codes))),
        },
        coords=coords,
        attrs=attrs("odds_ratio"),
    )
    mean = np.stack([rng.normal(3_000, 300, (MANY, len(codes))), 6_000 + 9_000 * new], axis=1)
    costs = xr.Dataset({"mean": (dims, mean)}, coords, attrs("cost_ratio"))
    family = Fits(
        Fit("binary", effect, xr.Dataset(), (), "hand", cached=False),
        Fit("cost_gamma", costs, xr.Dataset(), (), "hand", cached=False),
    )
    return {FAMILY: family, SUPPORT: Fits(support_fit(MANY), None)}


@pytest.fixture(scope="module")
def told(catalogue: Catalogue, prepared: dict[str, Fits]) -> Publication:
    return told_counts(prepared, catalogue)


@pytest.fixture(scope="module")
def files(catalogue: Catalogue, prepared: dict[str, Fits], told: Publication, tmp_path_factory: Any) -> Any:
    folder = tmp_path_factory.mktemp("files")

    def make(*codes: str) -> dict[str, Appraised]:
        request = resolve(catalogue, municipalities=["165"], output=folder, draws=MANY, price_sets=["quoted"])
        return {made.code: made for made in appraise_codes(codes, catalogue, request, prepared, told)}

    return make


@pytest.fixture(scope="module")
def together(files: Any, catalogue: Catalogue) -> dict[str, Appraised]:
    """Two counties as one place each, their municipalities, and one of another county."""
    return files("165", "478", *catalogue.members("17"), "07", "17")  # type: ignore[no-any-return]


def opened(made: Appraised, folder: Any) -> dict[str, xr.Dataset]:
    path = folder / f"{made.code}.nc"
    path.write_bytes(made.file)
    return {chain: data for (chain, _), data in unpack(path).items()}


def test_a_file_is_the_same_whatever_else_was_asked_for(files: Any, together: dict[str, Appraised]) -> None:
    for code in ("165", "478", "17"):
        alone = files(code)[code]
        assert alone.file == together[code].file, code
        assert alone.reads == together[code].reads, code


def test_a_page_depends_on_where_people_live_and_not_on_names_elsewhere(
    catalogue: Catalogue, together: dict[str, Appraised]
) -> None:
    def with_place(code: str, **changes: Any) -> Catalogue:
        moved = catalogue.municipalities[code].override(**changes)
        return replace(catalogue, municipalities={**catalogue.municipalities, code: moved})

    reads, county = together["165"].reads, together["07"].reads
    assert changed(reads, with_place("837", name_sv="Annat")) == changed(county, with_place("837", name_sv="X")) == []
    for changes in ({"population": 9}, {"county": "07"}):
        assert changed(reads, with_place("837", **changes)) == ["municipalities people"]
    assert changed(reads, with_place("061", name_sv="Annat")) == []
    assert changed(county, with_place("061", name_sv="Annat")) == ["municipalities 061"]  # one of its own
    assert not [place for place in reads if place.endswith("*") and place.startswith(("municipal", "counties"))]


def test_the_country_is_the_mean_of_its_counties(
    catalogue: Catalogue, prepared: dict[str, Fits], together: dict[str, Appraised], tmp_path: Any
) -> None:
    ours = opened(together["165"], tmp_path)[FAMILY]
    assert list(ours["area"].values) == list(AREAS)
    risk, atlas = prepared[FAMILY].outcome.effect["risk"], Atlas.of(catalogue)
    whole, people = np.zeros(MANY), 0
    for county in atlas.counties.values():
        number = sum(county.people.values())
        found = sum(
            n * (risk.sel(option=USUAL, municipality=c) - risk.sel(option=NEW, municipality=c))
            for c, n in county.people.items()
        )
        whole += np.asarray(found)
        people += number
        if county.code == "07":
            np.testing.assert_allclose(ours["area_avoided"].sel(area="county"), 100 * found / number, rtol=1e-5)
    np.testing.assert_allclose(ours["area_avoided"].sel(area="country"), 100 * whole / people, rtol=1e-5)


def test_a_county_s_own_page_tells_what_its_municipalities_are_held_against(
    catalogue: Catalogue, together: dict[str, Appraised], tmp_path: Any
) -> None:
    county, ours = (opened(together[code], tmp_path)[FAMILY] for code in ("07", "165"))
    usual, new = (county["events"].sel(option=option, drop=True) for option in (USUAL, NEW))
    np.testing.assert_allclose(ours["area_avoided"].sel(area="county"), usual - new, rtol=1e-4, atol=1e-5)
    saved = decision.net_saving(county)
    np.testing.assert_allclose(ours["area_net_saving"].sel(area="county"), saved, rtol=1e-4, atol=1.0)
    assert list(county["member"].values) == catalogue.members("07")
    own = decision.net_saving(ours)
    np.testing.assert_allclose(county["member_net_saving"].sel(member="165"), own, rtol=1e-4, atol=1.0)
    assert (county.attrs["municipality"], county.attrs["municipality_sv"]) == ("07", county.attrs["county_sv"])


def test_the_money_of_a_county_is_nearly_the_mean_of_its_municipalities_money(
    catalogue: Catalogue, together: dict[str, Appraised], tmp_path: Any
) -> None:
    """A cohort with the mean risk is not quite the mean of cohorts: the difference is far within the uncertainty."""
    county = opened(together["17"], tmp_path)[FAMILY]
    people = np.array([catalogue.municipalities[code].population for code in county["member"].values], dtype=float)
    mixed = county["member_net_saving"].to_numpy() @ (people / people.sum())
    saved = decision.net_saving(county).to_numpy()
    assert abs(mixed - saved).mean() < 0.05 * saved.std()


def test_a_borrowed_effect_is_compared_with_nothing(together: dict[str, Appraised], tmp_path: Any) -> None:
    for code in ("165", "07"):
        borrowed = opened(together[code], tmp_path)[SUPPORT]
        assert not {"area", "member"} & set(borrowed.dims)
        assert borrowed.attrs["evidence"] == "borrowed"


def test_of_a_county_no_count_of_clients_is_told(together: dict[str, Appraised], tmp_path: Any) -> None:
    assert opened(together["07"], tmp_path)[FAMILY].attrs["n_clients_protected"] == -1


def test_what_is_measured_is_told_per_draw(catalogue: Catalogue) -> None:
    ds = appraised(catalogue, CODES, {})
    rows = measured(ds, ["005", "091"])
    assert list(rows) == ["005", "091"]
    events = ds["events"].sel(municipality="005")
    np.testing.assert_array_equal(rows["005"][0], events.sel(option=USUAL))
    np.testing.assert_array_equal(rows["005"][1], events.sel(option=USUAL) - events.sel(option=NEW))
