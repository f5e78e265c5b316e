"""Write the methods paragraph on added value, instability and external centres."""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting

Results = Mapping[str, Any]


def evaluation(results: Results) -> str:
    """Return the sentences of the analyses that this run contains."""
    return " ".join(
        part for part in (_added_value(results), _members(results), _cut_offs(results), _centers(results)) if part
    )


def _added_value(results: Results) -> str:
    if not results.get("added_value"):
        return ""
    survive = results["config"]["survive"]
    text = (
        "Added value over measured predictors: the prespecified baseline was log(1 + short axis of the largest node in "
        "mm), log(1 + SCC antigen in ng/ml) and MRI-LN status for nodes (logistic regression), and the first two for "
        "survival (Cox regression). The logit of the H score was added and tested by the likelihood-ratio test (Pepe "
        "et al. 2013), with the share of new information (Harrell's adequacy index), in complete cases. Models with "
        "fewer than 5 patients of the rarer class per variable (logistic) or "
        f"{survive['events_per_variable']:g} events per variable (Cox) were not fitted."
    )
    if {center["role"] for center in results["study"]["centers"]} != {"development", "external"}:
        return text
    return (
        f"{text} For the gain out of sample, both models were fitted on out-of-fold development scores and applied to "
        "the external patients (AUC: paired DeLong test; Harrell's C: infinitesimal jackknife)."
    )


def _members(results: Results) -> str:
    rows = (results.get("instability") or {}).get("members", [])
    if all("why" in row for row in rows):
        return ""
    return (
        "Instability (Riley and Collins 2023) was described by the mean absolute difference between each member's risk "
        "and that of the ensemble, and by the calls at the frozen threshold that a member changes. Members were "
        "trained on overlapping parts of the development cohort (folds) or from other seeds, not on bootstrap "
        "resamples."
    )


def _cut_offs(results: Results) -> str:
    rows = (results.get("instability") or {}).get("thresholds")
    if not rows:
        return ""
    return (
        f"Thresholds were chosen again, by the same rule, on {rows[0]['resamples']:,} bootstrap resamples of the "
        "out-of-fold development scores."
    )


def _centers(results: Results) -> str:
    content = results.get("centers")
    if not content or not content["pooled"]:
        return ""
    level = formatting.confidence(results["config"]["validate"]["confidence"])
    return (
        f"The {len(content['centers'])} external centres were pooled by random-effects meta-analysis (variance "
        "between centres by restricted maximum likelihood, Hartung-Knapp intervals not shorter than Wald's in their "
        "standard error). AUC, sensitivity and specificity were pooled on the logit scale, O:E on the logarithmic "
        f"scale, the calibration slope untransformed (Debray et al. 2017). {level} prediction intervals have k \u2212 "
        "2 degrees of freedom. A sensitivity or specificity of 0 or 100 % entered with half a patient added to both "
        "counts."
    )
