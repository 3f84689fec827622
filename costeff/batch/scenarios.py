"""The scenarios of a simulation, computed: net saving by draw, of each scenario in each county."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from costeff import __version__, decision
from costeff.appraisal.moves import move_fits
from costeff.batch.appraising import AT_A_TIME, appraise_chain
from costeff.batch.country import Data, Fits, all_data, all_keys, cache_folder, fit_chain, fit_costs
from costeff.batch.folders import no_more
from costeff.batch.log import Log, Step, Told
from costeff.batch.manifest import Made, Manifest
from costeff.batch.plan import UNMOVED, Due, code_of_appraisals, hash_of, packages, why_due
from costeff.batch.results import Saved
from costeff.batch.simulation import Case
from costeff.files import write_bytes
from costeff.params import Catalogue
from costeff.params.watched import PLACES, watched

Keys = Mapping[str, Mapping[str, str]]  # chain -> what is estimated -> hash of its fit


@dataclass(frozen=True)
class Part:
    """A scenario in one county: what is computed, noted and kept together."""

    case: Case
    county: str
    codes: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"appraisal {self.case.id} {self.county}"

    @property
    def file(self) -> str:
        return f"appraisals/{self.case.id}.{self.county}.nc"


class Scenarios:
    """Every scenario in every county, against the manifest of the simulation's folder."""

    def __init__(self, cases: Mapping[str, Case], catalogue: Catalogue, output: Path, tell: Told, root: Path) -> None:
        self.cases, self.catalogue, self.folder, self.tell, self.root = cases, catalogue, output, tell, root
        self.manifest, self.log = Manifest(output), Log(output)
        self.request = next(iter(cases.values())).request  # places, chains, seed and draws are those of all
        self.data: dict[str, Data] = all_data(catalogue, self.request, cache_folder(root))
        self._keys: dict[str, Keys] = {}
        self._fits: dict[str, dict[str, Fits]] = {}
        by_county: dict[str, list[str]] = {}
        for code in self.request.municipalities:
            by_county.setdefault(catalogue.municipality(code).county, []).append(code)
        self.parts = [Part(case, name, tuple(codes)) for case in cases.values() for name, codes in by_county.items()]

    def due(self) -> list[Due]:
        """What is not as it would be computed again, and why."""
        found = []
        for part in self.parts:
            made = self.manifest.made.get(part.name)
            if why := why_due(made, self._made_from(part), part.case.catalogue, self.folder, [part.file]):
                found.append(Due(part.name, why))
        return found

    def compute(self, names: Iterable[str]) -> int:
        """Appraise and note these; the answer is how many they were."""
        asked = set(names)
        waiting = [part for part in self.parts if part.name in asked]
        done = 0
        for some in _passes(waiting):
            where = f"{some[0].case.id}, county {', '.join(part.county for part in some)}"
            self.tell(Step("scenarios", done, len(waiting), now=(where,)))
            self._compute(some)
            done += len(some)
        self.tell(Step("scenarios", done, len(waiting)))
        return done

    def saved(self, scenario: str) -> Saved:
        """What was computed of a scenario, in all counties."""
        parts = [_unpacked(self.folder / part.file) for part in self.parts if part.case.id == scenario]
        return Saved.of(parts, json.loads(parts[0].attrs["told"]))

    def unfit(self) -> dict[str, list[str]]:
        """The models that failed their diagnostics, by chain."""
        found: dict[str, dict[str, None]] = {}
        for part in self.parts:
            for chain, models in self.manifest.made[part.name].entry["failed"].items():
                if models:
                    found.setdefault(chain, {}).update(dict.fromkeys(models))
        return {chain: list(models) for chain, models in found.items()}

    def note(
        self, name: str, parts: Mapping[str, str], reads: Mapping[str, str], files: Mapping[str, str], **more: Any
    ) -> None:
        """Note a thing that is whole.

        Raises
        ------
        SetupError
            When nothing more can be written.
        """
        seed = self.request.seed
        try:
            self.manifest.add(Made(name, parts, reads, files, seed=seed, version=__version__, **more))
        except OSError as error:
            raise no_more(self.folder, error) from error

    def _made_from(self, part: Part) -> dict[str, str]:
        case = part.case
        asked = [
            case.request.model_dump_json(exclude=UNMOVED),
            *(f"{name} {move.model_dump_json()}" for name, move in case.scenario.services.items()),
            *part.codes,
        ]
        return {
            "fits": hash_of(json.dumps(self._keys_of(case), sort_keys=True).encode()),
            "request": hash_of("\n".join(asked).encode()),
            "code": hash_of((code_of_appraisals() + own_code()).encode()),
            "packages": packages(),
        }

    def _keys_of(self, case: Case) -> Keys:
        """The hashes of the fits, by how published research is believed."""
        belief = case.request.evidence
        if belief not in self._keys:
            self._keys[belief] = all_keys(self.data, self.catalogue, case.request, cache_folder(self.root))
        return self._keys[belief]

    def _fits_of(self, case: Case) -> dict[str, Fits]:
        """Fits of every chain, shared by all scenarios that believe alike."""
        belief, seed, cache = case.request.evidence, case.request.seed, cache_folder(self.root)
        if belief not in self._fits:
            self._fits[belief] = {}
            for name, data in self.data.items():
                self.tell(Step("models", len(self._fits[belief]), len(self.data), now=(name,)))
                chain = self.catalogue.chains[name]
                with self.log.timed(f"fits {name} {belief}"):
                    outcome = fit_chain(chain, self.catalogue, data, seed, cache, evidence=belief)
                    self._fits[belief][name] = Fits(outcome, fit_costs(chain, self.catalogue, data, seed, cache))
        return self._fits[belief]

    def _compute(self, some: Sequence[Part]) -> None:
        """One scenario in some counties, in one vectorised pass."""
        case = some[0].case
        prepared = self._fits_of(case)
        began = time.perf_counter()
        seen, log = watched(case.catalogue)
        codes = [code for part in some for code in part.codes]
        nets, told = {}, {}
        for name, fits in prepared.items():
            nets[name], told[name] = self._net(case, codes, name, fits, seen)
            told[name]["fits"] = dict(self._keys_of(case)[name])
        failed = {name: fits.failed for name, fits in prepared.items()}
        for part in some:
            file = _packed({name: net.sel(municipality=list(part.codes)) for name, net in nets.items()}, told)
            write_bytes(self.folder / part.file, file)
            reads = log.told(case.catalogue, leaving_out=_elsewhere(log.places, part))
            seconds = (time.perf_counter() - began) / len(some)
            files = {part.file: hash_of(file)}
            self.note(part.name, self._made_from(part), reads, files, entry={"failed": failed}, seconds=seconds)
            self.log.add("appraisal", f"{case.id} {part.county}", seconds)

    def _net(
        self, case: Case, codes: Sequence[str], name: str, fits: Fits, seen: Catalogue
    ) -> tuple[xr.DataArray, dict[str, Any]]:
        """Net saving (draw, payer, municipality) of a chain, and what is told of it."""
        chain = seen.chains[name]
        outcome, costs = fits.outcome, fits.costs
        if name in case.scenario.services:
            outcome, costs = move_fits(case.scenario.services[name], chain, outcome, costs)
        price_set = case.price_set(name)
        request = case.request.override(price_sets=(price_set,))
        found = [
            appraise_chain(chain, seen, Fits(outcome, costs), codes[at : at + AT_A_TIME], request)[price_set]
            for at in range(0, len(codes), AT_A_TIME)
        ]
        nets = [decision.by_payer(ds) for ds in found]
        net = xr.concat(nets, "municipality", join="outer", fill_value=0.0)
        attrs = found[0].attrs
        told = {
            "passed": not fits.failed,
            "price_set": price_set,
            "years": int(found[0].sizes["year"]),
            "clients": int(attrs["clients"]),
            "mass": float(attrs["mass"]),
            "discount_rate": float(attrs["discount_rate"]),
            "synthetic": bool(int(attrs["synthetic"])),
        }
        return net, told


def _passes(waiting: Sequence[Part]) -> Iterator[list[Part]]:
    """Counties of one scenario that are appraised together, as long as they are not too many municipalities."""
    some: list[Part] = []
    for part in waiting:
        size = sum(len(each.codes) for each in some) + len(part.codes)
        if some and (part.case.id != some[0].case.id or size > AT_A_TIME):
            yield some
            some = []
        some.append(part)
    if some:
        yield some


def _elsewhere(read: Iterable[tuple[str, str]], part: Part) -> list[tuple[str, str]]:
    """What a pass reads of other places is not what this part depends on."""
    own = {*part.codes, part.county}
    return [(group, key) for group, key in read if group in PLACES and key not in own]


def _packed(nets: Mapping[str, xr.DataArray], told: Mapping[str, Any]) -> bytes:
    """Net saving of every chain as one file, with the same bytes for the same content."""
    payers = sorted({str(name) for net in nets.values() for name in net["payer"].values})
    whole = [net.reindex(payer=payers, fill_value=0.0).drop_attrs() for net in nets.values()]
    net = xr.concat(whole, xr.Variable("chain", list(nets))).transpose("chain", "municipality", "payer", "draw")
    paid = abs(net).sum(["chain", "municipality", "draw"]).to_numpy() > 0
    net = net.isel(payer=paid) if paid.any() else net
    data = xr.Dataset({"net": net.astype(np.float32)}, attrs={"told": json.dumps(told, sort_keys=True)})
    return bytes(data.drop_vars("draw").to_netcdf(None, engine="scipy"))


def _unpacked(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, engine="scipy") as data:
        return data.load()


@cache
def own_code() -> str:
    """Hash of the code between an appraisal and the matrix."""
    here = Path(__file__).parent
    return hash_of(
        b"\n".join((here / f"{name}.py").read_bytes() for name in ("results", "scenarios", "simulate", "simulation"))
    )
