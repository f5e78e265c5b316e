"""The methods paragraphs, written from the resolved config: what is written is what was run.

Where the publication gives no value the sentence says 'setting', so that a reader sees which choices are this run's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hscore.reporting import formatting
from hscore.reporting.figures import labels_of, main_model, rows_of

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
AGGREGATION = {"mean": "mean", "max": "maximum", "top3": "mean of the three largest"}


def methods(results: Results) -> list[tuple[str, str]]:
    """Title and text of each paragraph."""
    has_images = any(model["sequence"] for model in results["models"])
    return [
        ("Patients", _patients(results)),
        *([("Images", _images(results["config"])), ("Samples", _samples(results["config"]))] if has_images else []),
        ("Models", _models(results)),
        ("Statistics", _statistics(results)),
        ("Software", _software(results)),
    ]


def _patients(results: Results) -> str:
    config = results["config"]
    centers = results["study"]["centers"]
    names = {role: [c["name"] for c in centers if c["role"] == role] for role in ("development", "external")}
    needed = listed(config["cohort"]["required_sequences"])
    images = f"{needed} and a region of interest were usable and " if needed else ""
    origin = "All patients were simulated. " if results["study"]["simulated"] else ""
    return (
        f"{origin}Models were developed on {listed(names['development'])} and tested on {listed(names['external'])}. "
        f"A patient was included when {images}the lymph-node status at pathology and the clinical variables of the "
        "models were known; every other patient is counted with a reason in the flow diagram. MRI node "
        f"status (MRI-LN) was positive from a short axis of {config['cohort']['mri_ln_positive_mm']:g} mm on. "
        f"The external patients took no part in training, normalisation, threshold or model choice."
    )


def _images(config: Mapping[str, Any]) -> str:
    diffusion = [name for name, rule in config["convert"]["sequences"].items() if rule.get("source") == "diffusion"]
    bias = config["normalize"]["bias_correction"]
    low, high = config["convert"]["diffusion"]["range"]
    parts = ["Series were recognised by their DICOM content and converted with dcm2niix."]
    if diffusion:
        parts.append(
            f"{listed(diffusion)} was fitted voxel by voxel from the b-values of the diffusion series (least "
            f"squares on logarithms) and cut to {low:g} to {high:g} \u00d7 10\u207b\u2076 mm\u00b2/s."
        )
    if bias["sequences"]:
        parts.append(
            f"The bias field of {listed(bias['sequences'])} was corrected with N4 on a grid of {bias['grid_mm']:g} mm."
        )
    by_method: dict[str, list[str]] = {}
    for name, rule in config["normalize"]["intensity"].items():
        by_method.setdefault(INTENSITY[rule["method"]].format(**rule), []).append(name)
    scaled = "; ".join(f"{listed(names)}: {method}" for method, names in by_method.items())
    return " ".join([*parts, f"Intensities were normalised per image (setting): {scaled}."])


def _samples(config: Mapping[str, Any]) -> str:
    sample = config["sample"]
    side = "on each side" if sample["peritumoral_pixels_per"] == "side" else "in total"
    extent = {"sample": " on those sections (setting)", "tumour": " on all its sections (setting)"}[sample["box_over"]]
    size = sample["size"]
    return (
        "The region of interest was carried to each sequence through patient coordinates. Samples are "
        f"{sample['sections']} adjacent sections of a box tight around the tumour{extent}, or of that box grown by "
        f"{sample['peritumoral_pixels']} pixels ({side}: setting), resampled to {size} \u00d7 {size} with "
        f"{sample['interpolation']} interpolation. The window moved by {sample['stride']} section (setting); "
        f"sections with less than {sample['minimum_section_area_mm2']:g} mm\u00b2 of tumour were left out (setting)."
    )


def _models(results: Results) -> str:
    config = results["config"]
    train, labels = config["train"], labels_of(results)
    network, optimizer = train["network"], train["optimizer"]
    stages = listed([str(n) for n in network["channels"]])
    weights = "weighted by inverse class frequency" if train["class_weights"] == "balanced" else "unweighted"
    seeds = formatting.count(train["seeds"], "seed")
    folds = config["split"]["folds"]
    return (
        f"{formatting.count(len(labels), 'model')} were trained: {listed(list(labels.values()))}. Image models are "
        f"convolutional networks ('{network['name']}', {stages} channels, dropout {network['dropout']:g}); clinical "
        "variables join in a dense layer; models without images are logistic regressions, or readings "
        "taken as they stand. Training: "
        f"{train['epochs']} epochs, batches of {train['batch_size']}, {optimizer['name']} with a learning rate of "
        f"{optimizer['learning_rate']:g} and weight decay {optimizer['weight_decay']:g}, binary cross-entropy "
        f"{weights}, augmentation as in the settings; none of this is public, all of it is a setting. Development "
        f"patients were split into {folds} folds, stratified by centre and node status, with {seeds} a fold. A "
        f"patient's score is the {AGGREGATION[train['aggregation']]} of its samples' outputs; "
        f"external patients were scored by the mean of the {folds * train['seeds']} trained models of each kind."
    )


def _statistics(results: Results) -> str:
    validate, survive = results["config"]["validate"], results["config"]["survive"]
    level = formatting.confidence(validate["confidence"])
    rule = validate["threshold"]
    name, value = next(iter(rule.items())) if isinstance(rule, dict) else (rule, None)
    h_score = labels_of(results).get(main_model(results), "H score model")
    auc = next((row["auc"].get("method") for row in rows_of(results, "external")), "DeLong")
    grouping = "the frozen threshold" if survive["groups"] == "threshold" else "the development median"
    adjusted = listed([term.replace("mri_ln_positive", "MRI-LN status") for term in survive["adjust_for"]])
    return (
        f"Thresholds were {RULES[name].format(value=value)} of the out-of-fold development scores, frozen before the "
        f"external cohort was read. Intervals are {level}: {auc} for AUC, "
        f"{PROPORTIONS[validate['proportion_interval']]} for proportions. AUCs of the same patients were compared with "
        f"the paired DeLong test. The H score is the output of {h_score}; patients were grouped by {grouping}. "
        "Disease-free survival: Kaplan-Meier curves, log-rank test, Cox regression"
        + (f" adjusted for {adjusted}" if adjusted else "")
        + ". Published values were compared by whether they lie inside our intervals; no test against them was made."
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


def listed(words: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
