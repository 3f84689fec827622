"""Studies pooled: random effects through statsmodels, and the Bayesian model by quadrature.

Both are the normal-normal hierarchical model: `estimate_i ~ Normal(theta_i, error_i)`,
`theta_i ~ Normal(mu, tau)`, with the standard errors taken as known. What a new place can
expect is the effect of a new theta, not mu: it is wider by tau.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr

from costeff.draws import as_draws, rng
from costeff.errors import ModelError, Problem, Problems
from costeff.evidence.studies import Studies

Method = Literal["dl", "paule-mandel"]
METHODS: dict[Method, str] = {
    "dl": "DerSimonian & Laird 1986, doi:10.1016/0197-2456(86)90046-2",
    "paule-mandel": "Paule & Mandel 1982, doi:10.6028/jres.087.022",
}
Family = Literal["half_normal", "half_cauchy", "uniform", "log_normal"]
FAMILIES: dict[Family, str] = {  # in scipy
    "half_normal": "halfnorm",
    "half_cauchy": "halfcauchy",
    "uniform": "uniform",
    "log_normal": "lognorm",
}

TOLERANCES = (1e-9, 1e-7, 1e-5)  # of the equation of Paule and Mandel, in units of degrees of freedom
PANEL_RATIO = 1.2  # neighbouring panels at the start of the quadrature over tau
PANEL_SHARE = 0.005  # most posterior mass that one panel may hold; it is halved until it holds no more
NODES = 8  # Gauss-Legendre nodes in a panel
TAIL = 1e-12  # mass that is as good as none: of the prior beyond the last panel, of the posterior within one


def pool(studies: Studies, method: Method = "paule-mandel", mass: float = 0.95) -> xr.Dataset:
    """Random-effects mean over studies, and what a new place can expect.

    Through `statsmodels.stats.meta_analysis.combine_effects`, with three repairs. Its
    DerSimonian-Laird tau2 may be below 0 and is cut at 0. Its Paule-Mandel iteration returns 0 without a
    word when rounding takes the last step too far, so its equation is checked and the tolerance widened. The
    Hartung-Knapp interval is never narrower than the plain t interval (Röver, Knapp & Friede 2015,
    doi:10.1186/s12874-015-0091-1), so that studies that agree by chance do not make it vanish.

    Parameters
    ----------
    studies
        Two or more.
    method
        Estimator of the variance between studies.
    mass
        Coverage of all intervals.

    Returns
    -------
    Dataset on the scale of the measure: `mean`, `error`; `low`, `high` (normal);
    `error_hk`, `low_hk`, `high_hk` (Hartung & Knapp 2001, doi:10.1002/sim.791, t with k - 1 degrees);
    `tau2`; `q` with its tail `q_p`; `i2`, share of `q` beyond its degrees of freedom (Higgins &
    Thompson 2002, doi:10.1002/sim.1186); `prediction_low`, `prediction_high` (t with k - 2 degrees,
    Higgins, Thompson & Spiegelhalter 2009, doi:10.1111/j.1467-985X.2008.00552.x), missing
    for two studies; `weight` by study.

    Raises
    ------
    ModelError
        For one study, an unknown method, or an iteration that does not converge.
    """
    from scipy import stats

    count = len(studies.rows)
    problems = Problems()
    if method not in METHODS:
        problems.add("method", f"is {method!r}", f"use {' or '.join(METHODS)}")
    if not 0 < mass < 1:
        problems.add("mass", f"is {mass:g}", "give the coverage of the intervals, such as 0.95")
    if count < 2:
        problems.add("studies", "there is one, which says nothing of differences between places", "use bayesian_pool")
    problems.raise_if_any(ModelError, "Studies cannot be pooled")

    fit = _combined(studies, method)
    tau2 = max(float(fit["tau2"]), 0.0)
    suffix, q = ("re" if tau2 > 0 else "fe"), float(fit["q"])
    mean, error = float(fit[f"mean_effect_{suffix}"]), float(fit[f"sd_eff_w_{suffix}"])
    error_hk = error * max(1.0, float(fit[f"scale_hksj_{suffix}"])) ** 0.5
    tail = (1 + mass) / 2
    normal, t_hk = float(stats.norm.ppf(tail)), float(stats.t.ppf(tail, count - 1))
    reach = float(stats.t.ppf(tail, count - 2)) * (tau2 + error**2) ** 0.5 if count > 2 else np.nan
    values: dict[str, Any] = {
        "mean": mean,
        "error": error,
        "low": mean - normal * error,
        "high": mean + normal * error,
        "error_hk": error_hk,
        "low_hk": mean - t_hk * error_hk,
        "high_hk": mean + t_hk * error_hk,
        "tau2": tau2,
        "q": q,
        "q_p": float(stats.chi2.sf(q, count - 1)),
        "i2": max(0.0, 1 - (count - 1) / q) if q > 0 else 0.0,
        "prediction_low": mean - reach,
        "prediction_high": mean + reach,
        "weight": ("study", fit[f"weights_rel_{suffix}"]),
    }
    attrs = studies.attrs | {"mass": mass, "method": method, "method_source": METHODS[method]}
    attrs["hartung_knapp"] = "never narrower than the t interval, doi:10.1186/s12874-015-0091-1"
    attrs["prediction"] = "t with k - 2 degrees of freedom" if count > 2 else "missing: it needs three studies"
    return xr.Dataset(values, coords={"study": [row.id for row in studies.rows]}, attrs=attrs)


def _combined(studies: Studies, method: Method) -> dict[str, Any]:
    """The result of statsmodels, its Paule-Mandel iteration checked against its equation."""
    from statsmodels.stats.meta_analysis import combine_effects

    estimates, variances = studies.estimates, studies.errors**2
    degrees = len(estimates) - 1
    if method == "dl":
        return dict(vars(combine_effects(estimates, variances, method_re="dl")))
    for tolerance in TOLERANCES:
        found = combine_effects(estimates, variances, method_re="pm", atol=tolerance * degrees, maxiter=10_000)
        weights = 1 / (variances + found.tau2)
        mean = np.sum(weights * estimates) / np.sum(weights)
        excess = np.sum(weights * (estimates - mean) ** 2) / degrees - 1
        if abs(excess) <= 2 * tolerance or (found.tau2 == 0 and excess <= 0):
            return dict(vars(found))
    raise ModelError("Paule-Mandel did not converge", [Problem("tau2", "has no stable value", "use dl")])


# --- the Bayesian model -----------------------------------------------------------------------------


@dataclass(frozen=True)
class HeterogeneityPrior:
    """Prior of tau, the standard deviation of the effect between places, on the scale of the measure.

    Parameters
    ----------
    family
        `half_normal`, `half_cauchy`, `uniform` from 0 to the scale, or `log_normal` with the scale as
        its median. All are proper: with one or two studies the prior decides.
    scale
        Above 0.
    reason
        Why this scale.
    log_sd
        Standard deviation of the logarithm of tau, above 0; of `log_normal` only.
    """

    family: Family
    scale: float
    reason: str
    log_sd: float | None = None

    def __post_init__(self) -> None:
        problems = Problems()
        if self.family not in FAMILIES:
            problems.add("family", f"is {self.family!r}", f"use {', '.join(FAMILIES)}")
        if not (np.isfinite(self.scale) and self.scale > 0):
            problems.add("scale", f"is {self.scale:g}; it has to be above 0", "give a finite scale")
        if (self.family == "log_normal") != (self.log_sd is not None):
            problems.add(
                "log_sd", f"does not belong to a {self.family} prior", "give it for log_normal, and only there"
            )
        elif self.log_sd is not None and not (np.isfinite(self.log_sd) and self.log_sd > 0):
            problems.add("log_sd", f"is {self.log_sd:g}; it has to be above 0", "give a finite standard deviation")
        if not self.reason:
            problems.add("reason", "is empty", "say why this scale")
        problems.raise_if_any(ModelError, "A prior of heterogeneity does not hold")

    @classmethod
    def of_log_variance(cls, mean: float, sd: float, reason: str) -> HeterogeneityPrior:
        """The log-normal prior of a table that tells it of tau2: log tau2 ~ Normal(mean, sd).

        Such tables are made from thousands of published meta-analyses (Turner et al. 2015, doi:10.1002/sim.6381).
        """
        return cls("log_normal", float(np.exp(mean / 2)), reason, sd / 2)

    @property
    def distribution(self) -> Any:
        """The frozen distribution of scipy."""
        from scipy import stats

        shape = {} if self.log_sd is None else {"s": self.log_sd}
        return getattr(stats, FAMILIES[self.family])(scale=self.scale, **shape)

    # The three below are those of `distribution`, without scipy.stats: it takes a second to import.

    @property
    def most(self) -> float:
        """The end of the support."""
        return self.scale if self.family == "uniform" else np.inf

    def quantile(self, p: float) -> float:
        """The tau below which there is probability `p`."""
        from scipy.special import ndtri

        match self.family:
            case "half_normal":
                return float(ndtri((1 + p) / 2) * self.scale)
            case "half_cauchy":
                return float(np.tan(np.pi / 2 * p) * self.scale)
            case "log_normal":
                return float(np.exp(float(self.log_sd or 0.0) * ndtri(p)) * self.scale)
        return p * self.scale

    def logpdf(self, tau: np.ndarray) -> np.ndarray:
        """Logarithm of the density at each tau above 0."""
        from scipy.special import log1p

        x = tau / self.scale
        match self.family:
            case "half_normal":
                shape = 0.5 * np.log(2 / np.pi) - x * x / 2
            case "half_cauchy":
                shape = np.log(2 / np.pi) - log1p(x * x)
            case "log_normal":
                sd = float(self.log_sd or 0.0)  # the prior's own check
                shape = -(np.log(x) ** 2) / (2 * sd**2) - np.log(sd * x * np.sqrt(2 * np.pi))
            case _:
                shape = np.where(x <= 1, 0.0, -np.inf)
        return np.asarray(shape - np.log(self.scale))


def bayesian_pool(
    studies: Studies,
    tau_prior: HeterogeneityPrior,
    draws: int,
    seed: int,
    mu_prior: tuple[float, float] | None = None,
) -> xr.Dataset:
    """Draws of the mean, of tau, and of the effect in a new place.

    Given tau everything is normal, so mu and the studies' effects are integrated by hand and only tau is left:
    p(tau | y) = p(tau) sqrt(V) prod (error_i^2 + tau^2)^(-1/2) exp(-Q(tau) / 2) up to a constant. It is
    integrated by Gauss-Legendre on panels that are halved until each holds little, and drawn by its inverse
    distribution function (Röver 2020, doi:10.18637/jss.v093.i06). The draws are independent: there is no
    chain and nothing to diagnose.

    Parameters
    ----------
    studies
        One or more. With one, tau keeps its prior.
    draws
        Number of draws.
    seed
        Same seed, same draws.
    mu_prior
        Mean and standard deviation of a normal prior of mu; None is flat.

    Returns
    -------
    Dataset on the scale of the measure: `mu`, `tau` and `effect_new`, the effect of a new place,
    by draw; `effect`, of each study's own place drawn towards the others, by draw and study.

    Raises
    ------
    ModelError
        For fewer than one draw, or a prior of mu without a standard deviation above 0.
    """
    problems = Problems()
    if draws < 1:
        problems.add("draws", f"is {draws}", "ask for at least one")
    if mu_prior is not None and not (np.isfinite(mu_prior).all() and mu_prior[1] > 0):
        problems.add("mu_prior", f"is {mu_prior}", "give a mean and a standard deviation above 0, or None")
    problems.raise_if_any(ModelError, "Studies cannot be pooled")

    generator = rng(seed, "evidence", "pool")
    tau = _draw_tau(studies, tau_prior, mu_prior, generator.random(draws))
    centre, variance, _ = _given_tau(studies, tau, mu_prior)
    mu = centre + np.sqrt(variance) * generator.standard_normal(draws)
    new = mu + tau * generator.standard_normal(draws)
    towards = tau[:, None] ** 2 / (tau[:, None] ** 2 + studies.errors**2)  # how far a study keeps its own estimate
    noise = generator.standard_normal(towards.shape)
    own = mu[:, None] + towards * (studies.estimates - mu[:, None]) + np.sqrt(towards) * studies.errors * noise
    attrs: dict[str, object] = studies.attrs | {"seed": seed, "method": "Röver 2020, doi:10.18637/jss.v093.i06"}
    attrs["tau_prior"] = f"{tau_prior.family}({tau_prior.scale:g}): {tau_prior.reason}"
    attrs["mu_prior"] = "flat" if mu_prior is None else f"normal({mu_prior[0]:g}, {mu_prior[1]:g})"
    data = {"mu": as_draws(mu), "tau": as_draws(tau), "effect_new": as_draws(new)}
    data["effect"] = xr.DataArray(own, dims=("draw", "study"), coords={"study": [row.id for row in studies.rows]})
    return xr.Dataset(data, attrs=attrs)


def _given_tau(
    studies: Studies, tau: np.ndarray, mu_prior: tuple[float, float] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and variance of mu given each tau, and the logarithm of the likelihood with mu integrated."""
    estimates = studies.estimates
    variances = tau[:, None] ** 2 + studies.errors**2
    if mu_prior is not None:  # a normal prior of mu is one more observation, which does not vary between places
        estimates = np.append(estimates, mu_prior[0])
        variances = np.column_stack([variances, np.full(tau.size, mu_prior[1] ** 2)])
    precision = 1 / variances
    variance = 1 / precision.sum(axis=1)
    centre = variance * (precision * estimates).sum(axis=1)
    misfit = (precision * (estimates - centre[:, None]) ** 2).sum(axis=1)
    return centre, variance, (np.log(variance) - np.log(variances).sum(axis=1) - misfit) / 2


def _draw_tau(
    studies: Studies, prior: HeterogeneityPrior, mu_prior: tuple[float, float] | None, uniforms: np.ndarray
) -> np.ndarray:
    """Tau at the given points of its posterior distribution function."""
    from scipy.interpolate import PchipInterpolator

    edges, mass = _posterior_of_tau(studies, prior, mu_prior)
    below = np.concatenate([[0.0], np.cumsum(np.maximum(mass, TAIL))])
    return np.asarray(PchipInterpolator(below, edges)(uniforms * below[-1]))


def _posterior_of_tau(
    studies: Studies, prior: HeterogeneityPrior, mu_prior: tuple[float, float] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Edges of panels where tau has any mass, and the mass of each: none holds more than a small share."""
    reach = 100 * float(np.ptp(studies.estimates) + studies.errors.max())  # where studies contradict the prior
    most = min(max(prior.quantile(1 - TAIL), reach), prior.most)
    least = min(prior.scale, float(studies.errors.min())) / 1000
    edges = np.append(0.0, np.geomspace(least, most, 2 + int(np.log(most / least) / np.log(PANEL_RATIO))))
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    while True:
        half = np.diff(edges)[:, None] / 2
        tau = edges[:-1, None] + half * (1 + nodes)
        log_density = prior.logpdf(tau.ravel()) + _given_tau(studies, tau.ravel(), mu_prior)[2]
        density = np.exp(log_density - log_density.max()).reshape(tau.shape)
        mass = (density * half * weights).sum(axis=1)
        mass /= mass.sum()
        first, last = np.flatnonzero(mass > TAIL)[[0, -1]]
        edges, mass = edges[first : last + 2], mass[first : last + 1]
        heavy = np.flatnonzero((mass > PANEL_SHARE) & (np.diff(edges) > TAIL * edges[1:]))
        if not heavy.size:
            return edges, mass
        edges = np.insert(edges, heavy + 1, (edges[heavy] + edges[heavy + 1]) / 2)
