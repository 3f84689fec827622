"""Value of information: what it would be worth to know a parameter, or to see the result of a study, before deciding.

The decision under today's knowledge is the option with the largest expected net benefit. With more knowledge it may
be another; what is gained by that, on average, is the value of the knowledge. It is never below 0, and never above
that of knowing everything (EVPI).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from costeff.checks import is_number, listed
from costeff.decision.arrays import TITLE, Thresholds, check_parameters, lined_up, paired, thresholds_of
from costeff.decision.regression import Fit, conditional_means
from costeff.draws import rng
from costeff.errors import Problems, UsageError

FEWEST_DRAWS = 100
PERMUTATIONS = 4
SURE = 5.0  # standard errors by which what a fit has left must differ from nothing
MATERIAL = 0.05  # share of what can be explained that a fit may leave unexplained
LEFT = "the parameters explain more than the fit holds: waves or jumps too fast for it, or too many of them together"
TITLES = {"evppi": "expected value of partial perfect information", "evsi": "expected value of sample information"}
IN_MONEY = ("fitted", "error", "null", "evpi")

Study = Callable[[int, int], xr.Dataset]
"""A study: number of clients and seed -> what it would report in each draw, a Dataset over `draw`."""


def evppi(
    cost: xr.DataArray,
    effect: xr.DataArray,
    parameters: xr.Dataset,
    thresholds: Thresholds,
    of: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Expected value of partial perfect information, a decision: of one parameter, or of some known together.

    Cost and effect are regressed on the parameters once; net benefit is linear in the threshold, so that every
    threshold is served by the same fit. Each option enters as its difference from the mean over options, which
    takes out the noise that options share and leaves no option special.

    Parameters
    ----------
    cost, effect
        Dims (draw, option).
    parameters
        A variable over `draw` for each parameter, the draws being those of cost and effect.
    thresholds
        What a unit of effect is worth, one or many.
    of
        Names of parameters, each valued alone; or groups by name, the parameters of a group known together. None
        values each parameter alone.
    seed
        Of the permutations.

    Returns
    -------
    Dataset with dims (parameter, threshold), money in the unit of cost

    - `evppi`: the value; NaN where the fit is refused
    - `fitted`: what the fit says, refused or not
    - `error`: standard error of `fitted`: that of the mean gain, over draws, of deciding by the fit; to first order
      it holds the uncertainty of the regression as well, since at the best decision small changes of it do not count
    - `null`: what the same regression finds when the parameters are permuted, so that they tell nothing: how far
      noise alone can raise the value
    - `explained`: share of the variance of differences in net benefit that the fit explains, the largest over options
    - `left`: share of what can be explained that the fit leaves in its residuals, as draws with similar values of
      the parameters show it; 0 where that is within 5 standard errors of nothing
    - `trusted`: False where `left` is over 5 %
    - `evpi` (threshold): the value of knowing everything
    - `method`, `reason` (parameter): what was fitted; why it is refused, or nothing

    Raises
    ------
    UsageError
        Draws or options that do not match, other dims than draw and option, an unknown parameter, an empty group or
        one that names a parameter twice, fewer than 100 draws.

    References
    ----------
    Strong, Oakley and Brennan (2014), doi:10.1177/0272989X13505910
    """
    check_parameters(parameters)
    outcome = _Outcome.of(cost, effect, thresholds, seed)
    groups = _groups(parameters, of)
    values = lined_up(parameters[list({name: None for members in groups.values() for name in members})], outcome.cost)
    found = []
    for members in groups.values():
        matrix = np.column_stack([values[member].values.astype(float) for member in members])
        found.append(outcome.value(matrix))
    return _told(found, xr.DataArray(list(groups), dims="parameter", name="parameter"), outcome, "evppi")


def evsi(
    cost: xr.DataArray,
    effect: xr.DataArray,
    study: Study | xr.Dataset,
    thresholds: Thresholds,
    sizes: Sequence[int] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Expected value of sample information, a decision: of seeing the result of a study before deciding.

    For each draw a result of the study is simulated as if that draw were the truth; cost and effect are regressed
    on what the study reports. A result is worth what deciding by it gains.

    Parameters
    ----------
    cost, effect
        Dims (draw, option).
    study
        A design of `costeff.decision.studies`, or any function of clients and seed that gives what the study
        reports in each draw; or such reports already simulated, a Dataset over `draw`.
    thresholds
        What a unit of effect is worth, one or many.
    sizes
        Numbers of clients in all, over the options; needed for a design and refused for ready reports.
    seed
        Of the study and the permutations. All sizes are simulated with the same random numbers, so that they
        differ by their size.

    Returns
    -------
    Dataset with dims (size, threshold), without `size` for ready reports; the variables are those of `evppi`, with
    `evsi` in the place of `evppi`

    Raises
    ------
    UsageError
        As `evppi`; sizes that are missing, twice or no whole numbers from 1; a study that gives no reports.

    References
    ----------
    Strong, Oakley, Brennan and Breeze (2015), doi:10.1177/0272989X15575286
    """
    outcome = _Outcome.of(cost, effect, thresholds, seed)
    if isinstance(study, xr.Dataset):
        if sizes is not None:
            raise _wrong("sizes", "are given with reports that are simulated already", "leave them out")
        return _told([_of_reports(outcome, study)], None, outcome, "evsi")
    if not callable(study):
        raise _wrong("study", "is no study", "give a design, such as BinaryStudy, or the reports as a Dataset")
    asked = [int(size) for size in listed(sizes) or [] if is_number(size) and size >= 1 and size == int(size)]
    if not asked or len(asked) != len(listed(sizes) or []) or len(set(asked)) < len(asked):
        rule = "are no list of whole numbers from 1, each once"
        raise _wrong("sizes", rule, "give numbers of clients, such as [50, 100, 200]")
    found = [_of_reports(outcome, study(size, seed)) for size in asked]
    index = xr.DataArray(asked, dims="size", name="size", attrs={"unit": "clients"})
    return _told(found, index, outcome, "evsi")


def _of_reports(outcome: _Outcome, reports: xr.Dataset) -> dict[str, np.ndarray]:
    values = lined_up(reports, outcome.cost)
    matrix = np.column_stack([report.values.astype(float) for report in values.values()])
    return outcome.value(matrix)


# --- kernel ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Outcome:
    """Cost and effect by draw and option, as differences from the mean over options, and the thresholds.

    Two options differ from their mean by the same, so that one of them is enough.
    """

    cost: xr.DataArray
    differences: np.ndarray  # (draw, outcome): costs, then effects
    permuted: np.ndarray  # (permutation, draw, outcome)
    weights: np.ndarray  # of each outcome in the net benefit of an option (threshold, option, outcome)
    thresholds: np.ndarray

    @classmethod
    def of(cls, cost: xr.DataArray, effect: xr.DataArray, thresholds: Thresholds, seed: int) -> _Outcome:
        cost, effect = paired(cost, effect)
        problems = Problems()
        for name, values in (("cost", cost), ("effect", effect)):
            if values.ndim != 2:
                rest = ", ".join(str(dim) for dim in values.dims[2:])
                problems.add(name, f"has the dim {rest} besides draw and option", "sum over it or pick from it")
        draws, options = cost.sizes["draw"], cost.sizes["option"]
        if draws < FEWEST_DRAWS:
            problems.add("cost draw", f"has {draws}", f"a regression needs {FEWEST_DRAWS} at least")
        problems.raise_if_any(UsageError, TITLE)
        own = np.array([[1.0], [-1.0]]) if options == 2 else np.eye(options)
        both = [values.values - values.values.mean(axis=1, keepdims=True) for values in (cost, effect)]
        differences = np.hstack([each[:, : own.shape[1]] for each in both])
        generator = rng(seed, "permutations of outcomes")
        permuted = np.stack([differences[generator.permutation(draws)] for _ in range(PERMUTATIONS)])
        worths = thresholds_of(thresholds).values
        weights = np.stack([np.hstack([-own, worth * own]) for worth in worths])
        return cls(cost, differences, permuted, weights, worths)

    def value(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        """What knowing the parameters (draw, parameter) is worth, by threshold, and how it was found."""
        fit = conditional_means(parameters, self.differences, self.permuted)
        fitted, error, null = np.array([self._gains(fit, weights.T) for weights in self.weights]).T
        explained, left = self._diagnosed(fit)
        trusted = left <= MATERIAL
        names = {"method": np.array(fit.method), "reason": np.array("" if trusted.all() else LEFT)}
        numbers = {"fitted": np.minimum(fitted, self.evpi()), "error": error, "null": null}
        return numbers | {"explained": explained, "left": left, "trusted": trusted} | names

    def evpi(self) -> np.ndarray:
        """What knowing everything is worth, by threshold."""
        return np.array([_worth(self.differences @ weights.T) for weights in self.weights])

    def _gains(self, fit: Fit, weights: np.ndarray) -> tuple[float, float, float]:
        """The value by the fit, its standard error, and the value by the permuted fits."""
        truth, means = self.differences @ weights, fit.means @ weights
        today = int(truth.mean(axis=0).argmax())
        gain = truth[np.arange(len(truth)), means.argmax(axis=1)] - truth[:, today]
        null = float(np.mean([_worth(permuted @ weights) for permuted in fit.null]))
        return _worth(means), float(gain.std() / np.sqrt(len(gain))), null

    def _diagnosed(self, fit: Fit) -> tuple[np.ndarray, np.ndarray]:
        """Share of the variance explained, and share of what can be explained that is left, by threshold.

        Both are of net benefits, that is of sums of outcomes with known weights, so that the products of the
        outcomes are enough for every threshold. What is left counts only where it is surely not noise.
        """
        residual, means = self.differences - fit.means, fit.means - fit.means.mean(axis=0)
        explained, total, noise = (_squares(self.weights, a, a) for a in (means, means + residual, residual))
        left = np.zeros_like(total)
        for opinion in fit.left:
            common = _squares(self.weights, residual, opinion)
            spread = np.sqrt(noise * _squares(self.weights, opinion, opinion) / len(residual))
            sure = (common > SURE * spread) & (common > 0)
            left = np.maximum(left, np.divide(common, common + explained, out=np.zeros_like(common), where=sure))
        share = np.divide(explained, total, out=np.zeros_like(total), where=total > 0)
        return share.max(axis=1), left.max(axis=1)


def _squares(weights: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean product of the weighted sums of two, over draws (threshold, option)."""
    return np.asarray((weights @ (a.T @ b / len(a)) * weights).sum(axis=-1))


def _worth(net_benefit: np.ndarray) -> float:
    """Mean of the best in each draw, less the best mean: of a decision in every draw rather than one for all."""
    return max(float(net_benefit.max(axis=1).mean() - net_benefit.mean(axis=0).max()), 0.0)


# --- checks and words -----------------------------------------------------------------------------


def _groups(values: xr.Dataset, of: Sequence[str] | Mapping[str, Sequence[str]] | None) -> dict[str, list[str]]:
    """Names of parameters by group; a parameter alone is a group of its name."""
    known = [str(name) for name in values]
    if isinstance(of, str):
        of = [of]
    names = of if isinstance(of, Mapping) else known if of is None else listed(of) or []
    named = names if isinstance(names, Mapping) else {str(name): [name] for name in names}
    problems = Problems()
    if not named:
        problems.add("of", "names no parameter", "name some of the parameters, or leave it out to value each")
    if len(named) < len(names):
        problems.add("of", "names a parameter twice", "name each once")
    for group, given in named.items():
        members = listed(given)
        if not members:
            problems.add(f"of {group}", "is not a list of parameters", "give their names in a list")
            continue
        for member in members:
            if member not in known:
                problems.add(f"of {group}", f"{member!r} is not a parameter", f"there are {', '.join(known)}")
        if len(set(map(str, members))) < len(members):
            problems.add(f"of {group}", "names a parameter twice", "name each once")
    problems.raise_if_any(UsageError, TITLE)
    return {str(group): [str(member) for member in members] for group, members in named.items()}


def _told(
    found: Sequence[dict[str, np.ndarray]], along: xr.DataArray | None, outcome: _Outcome, name: str
) -> xr.Dataset:
    """What was found for each label of `along`, or for the only one there is, as a Dataset."""
    first = [str(along.name)] if along is not None else []
    together = {key: np.stack([each[key] for each in found]) if first else one for key, one in found[0].items()}
    columns = {name: np.where(together["trusted"], together["fitted"], np.nan), **together, "evpi": outcome.evpi()}
    money = {"unit": outcome.cost.attrs.get("unit", "that of cost"), "per": "decision"}
    dims = {"method": first, "reason": first, "evpi": ["threshold"]}
    arrays = {key: (dims.get(key, [*first, "threshold"]), values, dict(money) if key in (name, *IN_MONEY) else {})
              for key, values in columns.items()}  # fmt: skip
    coords = {"threshold": outcome.thresholds} | ({first[0]: along} if along is not None else {})
    return xr.Dataset(arrays, coords, {"name": TITLES[name], "draws": outcome.cost.sizes["draw"], **money})


def _wrong(place: str, rule: str, cure: str) -> UsageError:
    problems = Problems()
    problems.add(place, rule, cure)
    return UsageError(f"{TITLE}: 1 problem", problems)
