"""Define category and title of each figure and table in Snakemake's own report (``snakemake --report``)."""

PATIENTS, DIAGNOSIS, BENEFIT, SURVIVAL = "Patients", "Diagnosis", "Calibration and benefit", "Survival"
RECORD = "Settings and guidelines"

FIGURES = {
    "flow": (PATIENTS, "Flow of patients"),
    "auc_overview": (DIAGNOSIS, "AUC of every model"),
    "roc_external": (DIAGNOSIS, "ROC, external"),
    "roc_out_of_fold": (DIAGNOSIS, "ROC, out-of-fold"),
    "waterfall_external": (DIAGNOSIS, "Waterfall of H scores, external"),
    "waterfall_out_of_fold": (DIAGNOSIS, "Waterfall of H scores, out-of-fold"),
    "explanation": (DIAGNOSIS, "Saliency maps"),
    "learning_curves": (RECORD, "Learning curves"),
    "subgroups_external": (DIAGNOSIS, "Subgroups, external"),
    "subgroups_out_of_fold": (DIAGNOSIS, "Subgroups, out-of-fold"),
    "instability_external": (DIAGNOSIS, "Instability, external"),
    "centers_external": (DIAGNOSIS, "External centres"),
    "calibration": (BENEFIT, "Calibration"),
    "decision_curves": (BENEFIT, "Decision curves"),
    "spared": (BENEFIT, "Node dissections spared"),
    "reclassification": (BENEFIT, "Reclassification"),
    "kaplan_meier_external": (SURVIVAL, "Survival by H score, external"),
    "kaplan_meier_development": (SURVIVAL, "Survival by H score, development"),
    "kaplan_meier_nodes_external": (SURVIVAL, "Survival by nodes, external"),
    "kaplan_meier_nodes_development": (SURVIVAL, "Survival by nodes, development"),
    "time_dependent_auc": (SURVIVAL, "Time-dependent AUC"),
    "survival_calibration": (SURVIVAL, "Calibration of predicted survival"),
    "cox": (SURVIVAL, "Cox models"),
    "spline_external": (SURVIVAL, "Hazard along the H score, external"),
    "spline_development": (SURVIVAL, "Hazard along the H score, development"),
    "hazard_ratios": (SURVIVAL, "Hazard ratios from planted to achieved"),
}
TABLES = {
    "flow": (PATIENTS, "Flow of patients"),
    "table1": (PATIENTS, "Table 1"),
    "table1_centers": (PATIENTS, "Table 1 by centre"),
    "protocol": (PATIENTS, "Imaging protocol"),
    "image_quality": (PATIENTS, "Image quality"),
    "performance": (DIAGNOSIS, "Performance"),
    "intention_to_diagnose": (DIAGNOSIS, "Intention to diagnose"),
    "roc": (DIAGNOSIS, "Points of the ROC curves"),
    "roc_bands": (DIAGNOSIS, "Bands of the ROC curves"),
    "adds_to_reading": (DIAGNOSIS, "Does the H score add to the reading"),
    "comparisons": (DIAGNOSIS, "Comparisons of AUCs"),
    "paired_accuracy": (DIAGNOSIS, "Comparisons of frozen calls"),
    "auc_change": (DIAGNOSIS, "Change in AUC, development to external"),
    "cut_off_error": (DIAGNOSIS, "Error from choosing the threshold"),
    "published": (DIAGNOSIS, "Comparison with the publication"),
    "truth": (DIAGNOSIS, "Comparison with the planted truth"),
    "scores": (DIAGNOSIS, "H scores"),
    "cases": (DIAGNOSIS, "Cases shown"),
    "subgroups": (DIAGNOSIS, "Subgroups"),
    "study_size": (DIAGNOSIS, "Study size for a validation"),
    "development_size": (DIAGNOSIS, "Study size for development"),
    "added_value": (DIAGNOSIS, "Added value over node size and SCC antigen"),
    "instability": (DIAGNOSIS, "Instability over members"),
    "threshold_instability": (DIAGNOSIS, "Instability of the thresholds"),
    "centers": (DIAGNOSIS, "External centres, each and pooled"),
    "calibration": (BENEFIT, "Calibration"),
    "decision_curves": (BENEFIT, "Decision curves"),
    "reclassification": (BENEFIT, "Reclassification"),
    "survival_groups": (SURVIVAL, "Groups"),
    "survival_at": (SURVIVAL, "Survival by year"),
    "survival_curves": (SURVIVAL, "Points of the Kaplan-Meier curves"),
    "cox": (SURVIVAL, "Cox models"),
    "spline": (SURVIVAL, "Hazard along the H score"),
    "hazard_ratios": (SURVIVAL, "Hazard ratios from planted to achieved"),
    "prediction_error": (SURVIVAL, "Prediction error"),
    "survival_tests": (SURVIVAL, "Tests"),
    "survival_calibration": (SURVIVAL, "Calibration of predicted survival"),
    "survival_calibration_curve": (SURVIVAL, "Points of the calibration curve"),
    "guidelines": (RECORD, "Reporting guidelines"),
    "thresholds": (RECORD, "Frozen thresholds"),
}
ITEMS = {"figure": FIGURES, "table": TABLES}


def subject(wildcards) -> str:
    """Return the category of the figure or table that ``wildcards`` name."""
    return _item(wildcards)[0]


def kind(wildcards) -> str:
    """Return the subcategory: 'Figures' or 'Tables'."""
    return f"{_key(wildcards)}s".capitalize()


def labels(wildcards) -> dict[str, str]:
    """Return the label of the figure or table."""
    return {"What": _item(wildcards)[1]}


def _key(wildcards) -> str:
    return next(key for key in ITEMS if key in dict(wildcards.items()))


def _item(wildcards) -> tuple[str, str]:
    key = _key(wildcards)
    return ITEMS[key].get(wildcards[key], (RECORD, wildcards[key]))
