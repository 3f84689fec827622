"""A prior from published evidence that local data can overrule: a robust mixture of two normals.

Schmidli et al. 2014 (doi:10.1111/biom.12242): with probability `weight` the place is like the
studied ones, and the informative component holds; otherwise it is not, and the weak one does. A
normal likelihood keeps the mixture a mixture, so the posterior is exact, and its weight says how far
local data overruled the evidence.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import xarray as xr

from costeff.draws import as_draws, rng
from costeff.errors import ModelError, Problems

SPAN = 10.0  # standard deviations of a component covered by quadrature
POINTS = 4001  # of it for each component


@dataclass(frozen=True)
class RobustPrior:
    """Normal(mean, sd) with probability `weight`, otherwise Normal(weak_mean, weak_sd).

    Parameters
    ----------
    mean, sd
        The informative component, on the scale of the measure.
    weight
        Probability that the evidence speaks of this place, 0 to 1.
    weak_mean, weak_sd
        The weak component: at least as wide as the informative one. A unit-information prior
        is usual: the standard deviation of what one client says.

    Raises
    ------
    ModelError
        With all problems: a value that is missing, a standard deviation that is not above 0, a weight outside
        0 to 1, a weak component narrower than the other.
    """

    mean: float
    sd: float
    weight: float
    weak_mean: float
    weak_sd: float

    def __post_init__(self) -> None:
        problems = Problems()
        for name, value in asdict(self).items():
            if not np.isfinite(value):
                problems.add(name, "is missing or infinite", "give a number")
        if not problems:
            for name, value in (("sd", self.sd), ("weak_sd", self.weak_sd)):
                if value <= 0:
                    problems.add(name, f"is {value:g}; it has to be above 0", "give a standard deviation")
            if not 0 <= self.weight <= 1:
                problems.add("weight", f"is {self.weight:g}", "give a probability")
            if self.weak_sd < self.sd:
                rule = f"is {self.weak_sd:g}, narrower than the informative {self.sd:g}"
                problems.add("weak_sd", rule, "a weak component is the wider one")
        problems.raise_if_any(ModelError, "A robust prior does not hold")

    @classmethod
    def from_draws(
        cls, draws: xr.DataArray, weight: float, weak_mean: float, weak_sd: float, mass: float = 0.95
    ) -> RobustPrior:
        """The informative component fitted to draws of the effect in a new place.

        It has the median of the draws, and its central interval of `mass` is as wide as theirs.
        Quantiles, not moments: with few studies the predictive distribution has tails so heavy that its
        variance may not exist.

        Raises
        ------
        ModelError
            For draws that are missing or all alike, or a component that does not hold.
        """
        from scipy.special import ndtri

        values, problems = np.asarray(draws, dtype=float), Problems()
        if not values.size or not np.isfinite(values).all():
            problems.add("draws", "some are missing, or there are none", "give the draws of the effect in a new place")
        if not 0 < mass < 1:
            problems.add("mass", f"is {mass:g}", "give the coverage that is to be matched")
        problems.raise_if_any(ModelError, "A robust prior cannot be fitted")
        low, median, high = np.quantile(values, [(1 - mass) / 2, 0.5, (1 + mass) / 2])
        sd = (high - low) / (2 * ndtri((1 + mass) / 2))
        return cls(float(median), float(sd), weight, weak_mean, weak_sd)

    @property
    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probability, mean and standard deviation of both components."""
        weights = np.array([self.weight, 1 - self.weight])
        return weights, np.array([self.mean, self.weak_mean]), np.array([self.sd, self.weak_sd])

    def logpdf(self, effect: float | np.ndarray) -> np.ndarray:
        """Logarithm of the density, in the shape of `effect`."""
        from scipy.special import logsumexp

        weights, means, sds = self._parts
        z = (np.asarray(effect, dtype=float)[..., None] - means) / sds
        return np.asarray(logsumexp(-(z**2) / 2 - np.log(sds) - np.log(2 * np.pi) / 2, axis=-1, b=weights))

    def cdf(self, effect: float | np.ndarray) -> np.ndarray:
        """Probability of an effect no larger, in the shape of `effect`."""
        from scipy.special import ndtr

        weights, means, sds = self._parts
        z = (np.asarray(effect, dtype=float)[..., None] - means) / sds
        return np.asarray((weights * ndtr(z)).sum(axis=-1))

    def quantile(self, p: float) -> float:
        """The effect below which there is probability `p`, above 0 and below 1."""
        from scipy.optimize import brentq
        from scipy.special import ndtri

        _, means, sds = self._parts
        ends = ndtri(p) * sds + means
        slack = 1e-9 * self.weak_sd  # so that the ends enclose the root whatever the rounding
        return float(brentq(lambda x: float(self.cdf(x)) - p, float(ends.min()) - slack, float(ends.max()) + slack))

    def sample(self, draws: int, seed: int) -> xr.DataArray:
        """Draws of the effect, with the prior in attrs."""
        generator = rng(seed, "evidence", "prior")
        weak = (generator.random(draws) >= self.weight).astype(int)
        _, means, sds = self._parts
        values = means[weak] + sds[weak] * generator.standard_normal(draws)
        return as_draws(values, prior=str(self), seed=seed, source="doi:10.1111/biom.12242")

    def update(self, estimate: float, error: float) -> RobustPrior:
        """The posterior once a place has its own estimate.

        Each component is updated as a normal prior is, and its weight by how well it foresaw the estimate:
        `weight x Normal(estimate; mean, sqrt(sd^2 + error^2))`, to a sum of one. A posterior `weight` below the
        prior one means that local data speak against the evidence.

        Parameters
        ----------
        estimate, error
            Of the place alone, on the scale of the prior. An infinite error is no data.

        Raises
        ------
        ModelError
            For an estimate that is missing or an error that is not above 0.
        """
        problems = Problems()
        if not np.isfinite(estimate):
            problems.add("estimate", "is missing or infinite", "a place without data has an infinite error")
        if not error > 0:
            problems.add("error", f"is {error:g}; it has to be above 0", "no place knows its effect exactly")
        problems.raise_if_any(ModelError, "A prior cannot be updated")
        if np.isinf(error):
            return self
        weights, means, sds = self._parts
        foreseen = np.hypot(sds, error)
        with np.errstate(divide="ignore"):
            logs = np.log(weights) - np.log(foreseen) - ((estimate - means) / foreseen) ** 2 / 2
        share = np.exp(logs - logs.max())
        pull = (sds / foreseen) ** 2
        after, spread = means + pull * (estimate - means), sds * (error / foreseen)
        return RobustPrior(
            mean=float(after[0]),
            sd=float(spread[0]),
            weight=float(share[0] / share.sum()),
            weak_mean=float(after[1]),
            weak_sd=float(max(spread)),
        )

    def _shares(self, effect: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
        """Of the density at each draw, what the informative component makes up, and what the weak one."""
        values = effect.to_numpy()
        total = np.exp(self.logpdf(values))
        parts = (
            self.weight * _normal_density(values, self.mean, self.sd),
            _normal_density(values, self.weak_mean, self.weak_sd),
        )
        informative, weak = (effect.copy(data=part / total).drop_attrs() for part in parts)
        return informative, weak

    def believed_after(self, effect: xr.DataArray) -> float:
        """Probability of the informative component once local data are known; the prior one is `weight`.

        Parameters
        ----------
        effect
            Draws of a posterior that was made under this prior, whatever its likelihood.
        """
        return float(self._shares(effect)[0].mean())

    def weights_without_evidence(self, effect: xr.DataArray) -> xr.DataArray:
        """Importance weights that turn a posterior under this prior into that under the weak component alone.

        The weak density over the mixture's, with a mean of one. They are at most 1 / (1 - weight) before they are
        scaled, so no draw can carry them all; but where evidence and data agree, few draws may be left to speak
        for the data. attrs `effective_draws` says how many: (sum of weights)^2 / sum of squares (Kish 1965).

        Parameters
        ----------
        effect
            Draws of a posterior that was made under this prior, whatever its likelihood.

        Raises
        ------
        ModelError
            For a prior without a weak component.
        """
        problems = Problems()
        if self.weight == 1:
            problems.add("weight", "is 1, so there is no weak component", "fit the data without the evidence")
        problems.raise_if_any(ModelError, "Local data cannot be told apart from the evidence")
        weights = self._shares(effect)[1]
        weights = weights / weights.mean()
        return weights.assign_attrs(effective_draws=float(weights.sum() ** 2 / (weights**2).sum()))

    def effective_sample_size(self, unit_sd: float) -> float:
        """How many clients' worth the prior is.

        The expected local information ratio (Neuenschwander et al. 2020, doi:10.1111/biom.13252):
        unit_sd^2 times the mean of minus the second derivative of the log density. On average over
        what n clients may say, the posterior is worth n more than the prior.

        Parameters
        ----------
        unit_sd
            Standard deviation of what one client says of the effect; the standard error of n
            clients is unit_sd / sqrt(n).

        Raises
        ------
        ModelError
            For a unit_sd that is not above 0.
        """
        problems = Problems()
        if not (np.isfinite(unit_sd) and unit_sd > 0):
            problems.add("unit_sd", f"is {unit_sd:g}; it has to be above 0", "give the sd of one client")
        problems.raise_if_any(ModelError, "A prior has no size in clients")
        weights, means, sds = self._parts
        steps = np.linspace(-SPAN, SPAN, POINTS)
        effect = np.unique(np.concatenate([mean + sd * steps for mean, sd in zip(means, sds, strict=True)]))
        z = (effect[:, None] - means) / sds
        parts = weights * np.exp(-(z**2) / 2) / (sds * np.sqrt(2 * np.pi))
        density, slope = parts.sum(axis=1), (-z / sds * parts).sum(axis=1)
        integrand = np.divide(slope**2, density, out=np.zeros_like(density), where=density > 0)
        return float(unit_sd**2 * np.trapezoid(integrand, effect))


def _normal_density(values: np.ndarray, mean: float, sd: float) -> np.ndarray:
    return np.asarray(np.exp(-(((values - mean) / sd) ** 2) / 2) / np.sqrt(2 * np.pi) / sd)
