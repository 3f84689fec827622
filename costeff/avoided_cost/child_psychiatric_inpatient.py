"""Child and adolescent psychiatric inpatient care: minors in outpatient care, out of care, in hospital, or just home.

The event of the outcome model is an admission to a ward: it comes at the same rate to those in outpatient care
and to those whose care has ended. A stay lasts `stay_years` on average. For `discharged_years` after it the rate
of admission is `readmission_ratio` times that of the others; after that the minor is in outpatient care again.
That all of these times end at constant rates is assumed. Growing up is not modelled. Time in outpatient care and
on the ward is counted, and has no price until one is added: none was found for the whole country.
"""

from __future__ import annotations

import xarray as xr

from costeff.avoided_cost.base import AvoidedCostModel, Domain
from costeff.cohort import Moves, rate_from_mean_years


def _rates(admission: xr.DataArray, inputs: xr.Dataset) -> Moves:
    return {
        ("outpatient", "inpatient"): admission,
        ("out_of_care", "inpatient"): admission,
        ("outpatient", "out_of_care"): rate_from_mean_years(inputs["outpatient_years"]),
        ("inpatient", "discharged"): rate_from_mean_years(inputs["stay_years"]),
        ("discharged", "inpatient"): admission * inputs["readmission_ratio"],
        ("discharged", "outpatient"): rate_from_mean_years(inputs["discharged_years"]),
    }


CHILD_PSYCHIATRIC_INPATIENT = AvoidedCostModel(
    id="child_psychiatric_inpatient",
    states=("outpatient", "out_of_care", "inpatient", "discharged"),
    items=("outpatient", "inpatient"),
    kept_out=("inpatient",),
    domains={
        "outpatient_years": Domain.DURATION,
        "stay_years": Domain.DURATION,
        "discharged_years": Domain.DURATION,
        "readmission_ratio": Domain.RATIO,
    },
    rates=_rates,
    entered=("inpatient",),
)
