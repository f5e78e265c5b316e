"""Write the methods paragraphs from the resolved config, so that they describe exactly what was run.

Where the publication gives no value the sentence contains 'setting', so that a reader sees the choices of this run.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hscore.report import formatting
from hscore.report.figures import survival_calibration_figure
from hscore.report.figures.diagnosis_figures import endpoint_title, labels_of, main_evaluation, main_model, rows_of
from hscore.report.formatting import join_words
from hscore.report.methods.methods_evaluation import evaluation

Results = Mapping[str, Any]

INTENSITY = {
    "zscore": "mean 0 and standard deviation 1 inside the body",
    "percentile": "percentiles {low} to {high} inside the body mapped to 0 to 1",
    "range": "{low} to {high} mapped to 0 to 1",
}
RULES = {
    "youden": "the largest Youden index",
    "sensitivity": "the highest value with a sensitivity of at least {value}",
    "value": "the fixed value {value}",
}
PROPORTIONS = {"wilson": "Wilson", "clopper-pearson": "Clopper-Pearson"}
AGGREGATION = {"mean": "mean", "max": "maximum"}
# kind of a model -> the key of its spec that identifies it; the first match counts
KINDS = {"images": "region", "fusion": "fuse", "reading": "reading", "clinical": "clinical"}
RECALIBRATION = {"platt": "A logistic line (Platt) with Firth's slope", "isotonic": "Isotonic regression"}


def methods(results: Results) -> list[tuple[str, str]]:
    """Return title and text of each paragraph."""
    has_images = any(model["sequences"] for model in results["models"])
    return [
        ("Patients", _patients(results)),
        *([("Images", _images(results["config"])), ("Samples", _samples(results["config"]))] if has_images else []),
        ("Models", _models(results)),
        ("Statistics: diagnosis", _diagnosis(results)),
        ("Statistics: survival", _survival(results)),
        ("Statistics: added value, stability, centres", evaluation(results)),
        ("Comparison with the publication", _published(results)),
        ("Missing data", _missing(results)),
        ("Software", _software(results)),
    ]


def _patients(results: Results) -> str:
    config = results["config"]
    centers = results["study"]["centers"]
    names = {
        role: [center["name"] for center in centers if center["role"] == role] for role in ("development", "external")
    }
    parts = ["All patients were simulated."] if results["study"]["simulated"] else []
    if names["development"] and names["external"]:
        development, external = join_words(names["development"]), join_words(names["external"])
        parts.append(f"Models were developed on {development} and tested on {external}.")
    elif names["development"]:
        parts.append(f"Models were developed on {join_words(names['development'])}; there was no external test cohort.")
    else:
        parts.append(f"{_origin(results)} tested on {join_words(names['external'])}.")
    needed = join_words(config["cohort"]["required_sequences"])
    images = f"{needed} and a region of interest were usable and " if needed else ""
    parts.append(
        f"A patient was included when {images}the clinical variables of the models and the lymph-node status at "
        "pathology or survival were known; every other patient is counted with a reason in the flow diagram. Patients "
        "with known survival and unknown node status were analysed for survival only. MRI node status (MRI-LN) was "
        f"positive for a short axis of at least {config['cohort']['mri_ln_positive_mm']:g} mm."
    )
    if names["external"]:
        parts.append("The external patients took no part in training, normalisation, threshold or model choice.")
    return " ".join(parts)


def _origin(results: Results) -> str:
    """Return where the models of a study without development come from."""
    if frozen := results["config"].get("frozen"):
        return f"Models, thresholds and recalibration were those of a finished study ({frozen}), frozen, and were"
    return "Readings, to which nothing was fitted, were"


def _images(config: Mapping[str, Any]) -> str:
    diffusion = [name for name, rule in config["convert"]["sequences"].items() if rule.get("source") == "diffusion"]
    bias = config["normalize"]["bias_correction"]
    low, high = config["convert"]["diffusion"]["range"]
    parts = ["Series were recognised by their DICOM content and converted with dcm2niix."]
    if diffusion:
        parts.append(
            f"{join_words(diffusion)} was fitted voxel by voxel from the b-values of the diffusion series (least "
            f"squares on logarithms) and limited to {low:g} to {high:g} \u00d7 10\u207b\u2076 mm\u00b2/s."
        )
    if bias["sequences"]:
        n4 = "SimpleITK's N4" if bias["method"] == "simpleitk" else "N4"
        parts.append(
            f"The bias field of {join_words(bias['sequences'])} was corrected with {n4} on a grid of "
            f"{bias['grid_mm']:g} mm."
        )
    by_method: dict[str, list[str]] = {}
    for name, rule in config["normalize"]["intensity"].items():
        by_method.setdefault(INTENSITY[rule["method"]].format(**rule), []).append(name)
    scaled = "; ".join(f"{join_words(names)}: {method}" for method, names in by_method.items())
    return " ".join([*parts, f"Intensities were normalised per image (setting): {scaled}."])


def _samples(config: Mapping[str, Any]) -> str:
    sample = config["sample"]
    side = "on each side" if sample["peritumoral_pixels_per"] == "side" else "in total"
    extent = {"sample": " on those sections (setting)", "tumour": " on all its sections (setting)"}[sample["box_over"]]
    size = sample["size"]
    return (
        "The region of interest was transferred to each sequence through patient coordinates. Samples are "
        f"{sample['sections']} adjacent sections of a box tight around the tumour{extent}, or of that box grown by "
        f"{sample['peritumoral_pixels']} pixels ({side}: setting), resampled to {size} \u00d7 {size} with "
        f"{sample['interpolation']} interpolation. The window moved by {sample['stride']} section (setting); "
        f"sections with less than {sample['minimum_section_area_mm2']:g} mm\u00b2 of tumour were left out (setting)."
    )


def _models(results: Results) -> str:
    config, labels = results["config"], labels_of(results)
    names: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for name, spec in config["models"].items():
        kind = next(kind for kind, key in KINDS.items() if key in spec)
        names[kind].append(labels[name])
    several = [labels[name] for name, spec in config["models"].items() if "sequences" in spec]
    parts = []
    if names["images"]:
        parts.append(_networks(config["train"], names["images"], _parameters(results)))
    if several:
        parts.append(_several(config["train"], several))
    if names["clinical"]:
        parts.append(f"Logistic regression with Firth's penalty: {join_words(names['clinical'])}.")
    if names["fusion"]:
        parts.append(
            "Late fusion, an extension of the published method: logistic regression with Firth's penalty on the logits "
            "of other models' out-of-fold scores (and on clinical variables): "
            f"{join_words(names['fusion'])}. If it fuses several models, its out-of-fold AUC is slightly optimistic, "
            "because the networks of the other folds saw the patient; the external AUC is not affected."
        )
    if names["reading"]:
        parts.append(f"Readings used unchanged, 0 or 1: {join_words(names['reading'])}.")
    if names["images"] or names["clinical"]:
        parts.append(_folds(config, bool(names["images"]), results))
    return " ".join(parts)


def _parameters(results: Results) -> list[str]:
    """Return the number of trainable parameters of a network in words, or its range over the models; [] if unknown."""
    numbers = sorted({model["parameters"] for model in results["trained"] if "parameters" in model})
    ends = dict.fromkeys(numbers[:1] + numbers[-1:])
    return [f"{' to '.join(f'{number:,}' for number in ends)} trainable parameters"] if numbers else []


def _networks(train: Mapping[str, Any], labels: Sequence[str], parameters: Sequence[str]) -> str:
    network, optimizer = train["network"], train["optimizer"]
    shape = [f"'{network['name']}'"]
    if "channels" in network:
        shape.append(f"{join_words([str(n) for n in network['channels']])} channels")
    if "dropout" in network:
        shape.append(f"dropout {network['dropout']:g}")
    weights = "weighted by inverse class frequency" if train["class_weights"] == "balanced" else "unweighted"
    joined = {"features": "joined in a dense layer", "logit": "added to the logit"}[network.get("joins", "features")]
    text = (
        f"Convolutional networks ({', '.join([*shape, *parameters])}), clinical variables {joined}: "
        f"{join_words(labels)}. Training: {train['epochs']} epochs, batches of {train['batch_size']}, "
        f"{optimizer['name']} with a learning rate of {optimizer['learning_rate']:g} and weight decay "
        f"{optimizer['weight_decay']:g}, binary cross-entropy {weights}, augmentation as in the settings; none of "
        "these values are public, so all are settings. "
    )
    if stopping := train["early_stopping"]:
        text += (
            f"Training ended after {stopping['patience']} epochs without a smaller loss in "
            f"{100 * stopping['share']:g} % of the training patients, who were set aside for this. "
        )
    return text + _aggregation(train["aggregation"])


def _aggregation(name: str) -> str:
    if name == "attention":
        return "A patient's score is computed from the features of its samples, pooled by gated attention."
    many = {"3": "three"}.get(name.removeprefix("top"), name.removeprefix("top"))
    return f"A patient's score is the {AGGREGATION.get(name, f'mean of the {many} largest')} of its samples' outputs."


def _several(train: Mapping[str, Any], labels: Sequence[str]) -> str:
    return (
        f"{join_words(labels)}: each sequence has its own convolutional part. The features of the available sequences "
        f"of a patient are pooled, and in training one is hidden with probability {train['sequence_dropout']:g}."
    )


def _folds(config: Mapping[str, Any], images: bool, results: Results) -> str:
    folds, seeds = config["split"]["folds"], config["train"]["seeds"]
    text = f"Development patients were split into {folds} folds, stratified by centre and node status"
    text += f", with {formatting.count(seeds, 'seed')} per fold." if images else "."
    if any(center["role"] == "external" for center in results["study"]["centers"]):
        text += f" External patients were scored by all {folds * seeds} trained models of each kind."
    return text


def _diagnosis(results: Results) -> str:
    validate = results["config"]["validate"]
    level, resamples = formatting.confidence(validate["confidence"]), validate["bootstrap"]["resamples"]
    low, high = (100 * value for value in validate["decision_thresholds"])
    recalibrated = [row["method"] for row in results.get("recalibration") or [] if "why" not in row]
    auc = next((row["auc"].get("method") for row in rows_of(results, main_evaluation(results))), "Newcombe's method 5")
    parts = [
        _hypothesis(results),
        _threshold(results),
        f"Intervals are {level}: {auc} for single AUCs (DeLong's, logit-transformed DeLong and stratified bootstrap "
        f"next to it), {PROPORTIONS[validate['proportion_interval']]} for proportions, logarithmic for likelihood "
        "ratios, Wilson's transformed for F1 and combined by square-and-add for Youden's index and balanced accuracy, "
        f"percentile bootstrap ({resamples:,} resamples) for the other indices. Where no valid interval exists, the "
        "value is reported as not estimable, with the reason.",
        "Every pair of models was compared on the same patients: AUCs by the paired DeLong test, calls at the "
        "frozen thresholds by the exact McNemar test with Newcombe's interval of the difference; secondary p-values "
        "were adjusted by Holm's method, a family being all AUCs, or all calls by one measure, of an evaluation.",
    ]
    if results.get("auc_change"):
        parts.append(
            "An out-of-fold score comes from one member. The change of AUC between the cohorts therefore uses the mean "
            "of the members' external AUCs (unpaired DeLong test). What averaging the members' scores adds is reported "
            "as a separate difference (paired DeLong test)."
        )
    if overlap := results.get("cross_validation"):
        parts.append(_overlap(overlap))
    if results.get("intention_to_diagnose"):
        parts.append(
            "By intention to diagnose (Schuetz et al. 2012), patients with known node status who have no model result "
            "because they were excluded, or who have no reading, were counted as false negatives or false positives "
            "(worst case) and as correct calls (best case), next to the complete cases."
        )
    parts.append(
        "Calibration: O:E with a binomial interval, intercept and slope of logistic recalibration, Brier and scaled "
        "Brier score, Spiegelhalter's test, and distances of a lowess curve from the diagonal (ICI, E50, E90)."
    )
    roles = {center["role"] for center in results["study"]["centers"]}
    if "development" in roles or results["config"].get("frozen"):
        parts.append(_calibration(recalibrated[0] if recalibrated else None))
    parts.append(
        "Clinical use: net benefit, standardised net benefit and net dissections avoided at threshold probabilities "
        f"of {low:g} to {high:g} %, compared with treating all, treating none and MRI-LN alone; dissections spared "
        "per metastasis missed (in Monte-Carlo studies of 141 patients the 95 % bands of differences of net benefit "
        "contained the true value in about 91 %); NRI and IDI next to them, without p-values. All prespecified "
        "subgroups are shown; AUCs were compared by Cochran's Q, sensitivity and specificity by Pearson's chi-square "
        "test, adjusted by Holm's method over the variables. Study size follows Riley (external validation and "
        "development), Newcombe and Buderer."
    )
    return " ".join(parts)


def _overlap(overlap: Mapping[str, Any]) -> str:
    """Return what the intervals of out-of-fold AUCs allow for."""
    folds = overlap["folds"]
    return (
        f"The estimates of the {folds} folds are correlated, because the members share training patients. The variance "
        "of out-of-fold AUCs, and of their differences from each other and from external AUCs, is therefore multiplied "
        f"by {overlap['variance_factor']:.3g} (a correlation of 1/{folds} between folds: Nadeau and Bengio 2003). "
        f"{overlap['note']}"
    )


def _calibration(method: str | None) -> str:
    """Return how the members' scores became one H score."""
    aligned = (
        "The members of a model (each trained without one fold) differ in intercept and slope, which biases pooled "
        "out-of-fold AUCs (Forman and Scholz 2010; Airola et al. 2011). Their logits were therefore aligned to a "
        "common mean and standard deviation over all development patients, without any outcome"
    )
    if method is None:
        return f"{aligned}. External scores are the mean over the members."
    return (
        f"{aligned}. {RECALIBRATION[method]}, the same for all members, was fitted on the aligned out-of-fold scores "
        "and frozen; it does not change the order of patients. The H score is this calibrated risk: for a development "
        "patient the risk by the member that was not trained on the patient, for an external patient the mean of all "
        "members' risks. Thresholds and groups are on this scale in both cohorts."
    )


def _threshold(results: Results) -> str:
    roles = {center["role"] for center in results["study"]["centers"]}
    if "development" not in roles and results["config"].get("frozen"):
        rules = join_words(list(dict.fromkeys(entry["rule"] for entry in results["thresholds"].values())))
        return f"Thresholds were those frozen in the finished study ({rules})."
    rule = results["config"]["validate"]["threshold"]
    name, value = next(iter(rule.items())) if isinstance(rule, dict) else (rule, None)
    words = RULES[name].format(value=value)
    if "development" not in roles:
        return f"Thresholds were {words}, prespecified."
    frozen = ", frozen before the external cohort was read" if "external" in roles else ""
    return f"Thresholds were {words} of the out-of-fold development scores{frozen}."


def _survival(results: Results) -> str:
    survive = results["config"]["survive"]
    level = formatting.confidence(survive["confidence"])
    h_score = labels_of(results).get(main_model(results), "H score model")
    grouping = "the frozen threshold" if survive["groups"] == "threshold" else "the development median"
    adjusted = join_words([term.replace("mri_ln_positive", "MRI-LN status") for term in survive["adjust_for"]])
    return (
        f"The H score is the output of {h_score}; patients were grouped by {grouping}. {endpoint_title(results)}: "
        "Kaplan-Meier curves with log-log bands (before the first event Clopper-Pearson's limit), median follow-up by "
        "reverse Kaplan-Meier, log-rank test, "
        f"difference of restricted mean survival up to {survive['horizon_months']:g} months; Cox regression (Efron "
        "ties; Wald and profile-likelihood intervals; Firth's penalty as well, which replaces the plain model where "
        "that has no finite estimate) of the group and of the "
        "continuous score, also as a restricted cubic spline"
        + (f", adjusted for {adjusted}" if adjusted else "")
        + ", and together with node status at pathology. The H score was tested next to the MRI reading on its "
        "continuous scale (logarithm of the odds; likelihood-ratio test), because groups lose information. A "
        f"multivariable model or spline with fewer than {survive['events_per_variable']:g} events per variable was "
        "not fitted. The coefficients of one variable were tested jointly (likelihood ratio). In cohorts of several "
        "centres, Cox models and log-rank test of the H score were repeated stratified by centre. Survival by "
        "characteristic: log-rank test of all levels at once, Holm\u2019s adjustment. Proportional hazards were "
        "tested by Grambsch and Therneau's score test. Harrell's and Uno's C (intervals on the logit scale), "
        "cumulative/dynamic AUC and integrated Brier score use inverse-probability-of-censoring weights (Harrell's C "
        f"does not). {_survival_calibration(results)}{_competing(results)}Intervals are {level}."
    )


def _published(results: Results) -> str:
    """Return how verdicts against the publication were reached."""
    margins = results["published"]["margins"]
    auc, share, ratio = (margins[key]["margin"] for key in ("auc", "proportion", "hazard_ratio"))
    return (
        "The interval of the difference, ours minus the published value, includes the errors of both "
        "(square-and-add). The publication's error comes from its counts; that of its hazard ratio is bounded by p < "
        "0.001. For rates at a threshold the error of choosing it was added (bootstrap of the development cohort) and "
        f"assumed to be as large for the publication. The two agree where the whole interval is within \u00b1{auc:g} "
        f"in AUC, \u00b1{100 * share:g} percentage points or a factor of {ratio:g} in hazard ratios (log scale). "
        "Otherwise they differ if the interval of the difference excludes zero (a ratio of one), and the comparison is "
        "inconclusive if it does not. No verdict is given for another population, end point or score."
    )


def _hypothesis(results: Results) -> str:
    """Return the primary hypothesis, and that all others are secondary."""
    labels, primary = labels_of(results), results["primary"]
    model, against = (labels.get(primary[key], primary[key]) for key in ("model", "against"))
    tested = "" if primary["p"] is not None else f" It could not be tested: {primary.get('why')}."
    return (
        f"The only primary hypothesis: {model} and {against} differ in external AUC (paired DeLong test, two-sided, "
        f"not adjusted).{tested} All other tests are secondary."
    )


def _survival_calibration(results: Results) -> str:
    """Return how predicted and observed survival were compared; empty where nothing was predicted."""
    if not survival_calibration_figure.external_calibration(results):
        return ""
    return (
        "Calibration of the survival that the development cohort\u2019s Cox model predicts (McLernon et al. 2023): O:E "
        "with the Kaplan-Meier estimate, slope of the linear predictor, and hazard regression of the complementary "
        "log-log of predicted risk with a restricted cubic spline (Austin, Harrell and van Klaveren 2020). "
    )


def _competing(results: Results) -> str:
    """Return how competing events were analysed; empty where no table names them."""
    if not any(content.get("competing") for content in results["survival"].get("cohorts", {}).values()):
        return ""
    return (
        "With competing events: cumulative incidence (Aalen-Johansen), Gray\u2019s test, and Fine and Gray\u2019s "
        "subdistribution hazard ratio with robust standard errors. "
    )


def _missing(results: Results) -> str:
    cohorts = results["survival"].get("cohorts", {}).values()
    handling = next((content["missing"]["handling"] for content in cohorts if content.get("missing")), "complete cases")
    competing = next((content["competing"] for content in cohorts if content.get("competing")), None)
    text = (
        "Patients with neither node status at pathology nor survival, or without a variable of a model, are excluded "
        f"and counted. {_without_nodes(results)}"
        "Other missing values are counted in Table 1 and form a separate subgroup. Patients without survival "
        f"data are counted and left out of the survival analysis; its covariates: {handling}."
    )
    return f"{text} Of survival, {competing['handling']}." if competing else text


def _without_nodes(results: Results) -> str:
    """Return how a development patient without a fold is scored; empty where no model was trained."""
    if not results["trained"] or results["config"].get("frozen"):
        return ""
    return (
        "A development patient without node status has no fold and took no part in training. This patient's H score is "
        "the risk by one member, chosen by a hash of the patient's name, because out-of-fold scores come from one "
        "member. "
    )


def _software(results: Results) -> str:
    versions = results["versions"]
    shown = [
        name
        for name in ("torch", "monai", "lifelines", "scikit-learn", "SimpleITK", "pydicom", "numpy")
        if name in versions
    ]
    code = f", code {results['code_version']}" if results["code_version"] else ""
    packages = ", ".join(f"{name} {versions[name]}" for name in shown)
    return (
        f"hscore {versions['hscore']}{code}, Python {versions['python']}, {packages}; seed {results['study']['seed']}."
    )
