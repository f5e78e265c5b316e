"""List every figure and table of the report: a new one needs an entry here and the function that makes it.

The page, the folders of figures and tables, and Snakemake's own report (``snakemake --report``) read these entries. The
functions are named as ``module:function`` and imported only when they are called, because the Snakefile also reads this
module, in an environment without matplotlib. ``hscore.code_digest`` follows these names like imports.

``page.html`` places a figure with ``figure('name')``. A figure that it does not place follows under "Further figures".
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PATIENTS, DIAGNOSIS, BENEFIT, SURVIVAL = "Patients", "Diagnosis", "Calibration and benefit", "Survival"
RECORD = "Settings and guidelines"


@dataclass(frozen=True)
class Item:
    """One figure or table; its key in ``FIGURES`` or ``TABLES`` is its file name without suffix.

    Attributes:
        subject: category in Snakemake's report.
        title: label in Snakemake's report.
        function: ``module:function``, called with the content of results.json.
        caption: caption in Snakemake's report; for a figure, also caption and alternative text on the page.
        cohort: cohort or evaluation, the second argument of a function that can show several; empty for the others.
    """

    subject: str
    title: str
    function: str
    caption: str
    cohort: str = ""

    def make(self, results: Mapping[str, Any]) -> Any:
        """Return the matplotlib figure or the rows of the table; None or no rows without data for it."""
        cohort = [self.cohort] if self.cohort else []
        return pkgutil.resolve_name(self.function)(results, *cohort)


@dataclass(frozen=True)
class Figure(Item):
    """One figure.

    Attributes:
        note: continuation of the caption on the page; ``{name}`` inserts a value of the page's view.
        wide: whether the figure keeps its width on a narrow screen and scrolls sideways.
    """

    note: str = ""
    wide: bool = False

    def page_caption(self, view: Mapping[str, Any]) -> str:
        """Return the caption and alternative text of the page."""
        return f"{self.caption} {self.note.format_map(view)}".strip()


FIGURES: dict[str, Figure] = {
    "flow": Figure(
        PATIENTS,
        "Flow of patients",
        "hscore.report.figures.flow_diagram:flow",
        "Flow of patients (STARD). A patient with several reasons is counted once, under the first reason checked.",
        note="{flow_threshold}",
        wide=True,
    ),
    "auc_overview": Figure(
        DIAGNOSIS,
        "AUC of every model",
        "hscore.report.figures.diagnosis_figures:auc_overview",
        "Area under the ROC curve of every model.",
        note="{auc_marks}. Bars are {level} intervals.",
        wide=True,
    ),
    "roc_out_of_fold": Figure(
        DIAGNOSIS,
        "ROC, out-of-fold",
        "hscore.report.figures.diagnosis_figures:roc",
        (
            "ROC curves of the development cohort, each patient scored by models that were not trained on this patient "
            "(out-of-fold). Marker: the frozen threshold."
        ),
        note="Band: pointwise {level} interval of the main model (stratified bootstrap).",
        cohort="out_of_fold",
    ),
    "roc_external": Figure(
        DIAGNOSIS,
        "ROC, external",
        "hscore.report.figures.diagnosis_figures:roc",
        "ROC curves of the external test cohort. Marker: the frozen threshold.",
        note="Band: pointwise {level} interval of the main model (stratified bootstrap).",
        cohort="external",
    ),
    "waterfall_external": Figure(
        DIAGNOSIS,
        "Waterfall of H scores, external",
        "hscore.report.figures.cases_figure:waterfall",
        (
            "Waterfall of H scores, external test cohort. Bars above the line are called positive; a light bar above "
            "it is a false alarm, a dark one below it a missed metastasis."
        ),
        cohort="external",
        wide=True,
    ),
    "waterfall_out_of_fold": Figure(
        DIAGNOSIS,
        "Waterfall of H scores, out-of-fold",
        "hscore.report.figures.cases_figure:waterfall",
        "Waterfall of H scores, development cohort, out-of-fold scores. The threshold was chosen on these scores.",
        cohort="out_of_fold",
        wide=True,
    ),
    "calibration": Figure(
        BENEFIT,
        "Calibration",
        "hscore.report.figures.diagnosis_figures:calibration",
        (
            "Observed against predicted share of LNM-positive patients, as predicted and, where done, after "
            "recalibration on the development cohort."
        ),
        note="Shown for the {led}.",
    ),
    "decision_curves": Figure(
        BENEFIT,
        "Decision curves",
        "hscore.report.figures.decision_figures:decision_curves",
        (
            "Net benefit: true positives gained per patient, minus false positives weighed by the odds of the "
            "threshold probability. Higher is better; a model is useful where it lies above both grey lines."
        ),
        note="Shown for the {led}.",
    ),
    "spared": Figure(
        BENEFIT,
        "Node dissections spared",
        "hscore.report.figures.decision_figures:spared_dissections",
        (
            "Node dissections spared by acting on the predicted risk: net dissections avoided per 100 patients "
            "compared with treating everybody, without finding fewer metastases, and patients without metastasis "
            "spared per metastasis missed."
        ),
    ),
    "reclassification": Figure(
        BENEFIT,
        "Reclassification",
        "hscore.report.figures.decision_figures:reclassification",
        (
            "Net reclassification improvement and integrated discrimination improvement of the main model compared "
            "with each other model."
        ),
        wide=True,
    ),
    "kaplan_meier_external": Figure(
        SURVIVAL,
        "Survival by H score, external",
        "hscore.report.figures.survival_figures:kaplan_meier",
        (
            "Kaplan-Meier curves of the external test cohort by H score, with confidence bands and the numbers still "
            "at risk."
        ),
        note="Bands are {survival_level} intervals.",
        cohort="external",
    ),
    "kaplan_meier_development": Figure(
        SURVIVAL,
        "Survival by H score, development",
        "hscore.report.figures.survival_figures:kaplan_meier",
        (
            "Kaplan-Meier curves of the development cohort by out-of-fold H score, with confidence bands and the "
            "numbers still at risk."
        ),
        note="Bands are {survival_level} intervals.",
        cohort="development",
    ),
    "kaplan_meier_nodes_external": Figure(
        SURVIVAL,
        "Survival by nodes, external",
        "hscore.report.figures.survival_figures:kaplan_meier_by_nodes",
        "Kaplan-Meier curves by node status at pathology, external test cohort.",
        cohort="external",
    ),
    "kaplan_meier_nodes_development": Figure(
        SURVIVAL,
        "Survival by nodes, development",
        "hscore.report.figures.survival_figures:kaplan_meier_by_nodes",
        "Kaplan-Meier curves by node status at pathology, development cohort.",
        cohort="development",
    ),
    "time_dependent_auc": Figure(
        SURVIVAL,
        "Time-dependent AUC",
        "hscore.report.figures.survival_figures:time_dependent_auc",
        (
            "Time-dependent AUC of the H score (cumulative/dynamic, inverse probability of censoring weights, "
            "jackknife intervals)."
        ),
        note="Bars are {survival_level} intervals.",
    ),
    "survival_calibration": Figure(
        SURVIVAL,
        "Calibration of predicted survival",
        "hscore.report.figures.survival_calibration_figure:calibration",
        (
            "Calibration of predicted survival: observed against predicted risk of an event by the month on the axis, "
            "external test cohort. The model is that of the development cohort, frozen; the curve is a Cox model with "
            "a restricted cubic spline, the grey line is perfect agreement, and the ticks are deciles of the predicted "
            "risk."
        ),
    ),
    "cox": Figure(
        SURVIVAL,
        "Cox models",
        "hscore.report.figures.survival_figures:cox_forest",
        "Cox hazard ratios of the survival end point; above 1 means shorter survival.",
        note="End point: {endpoint}. Bars are {survival_level} intervals.",
        wide=True,
    ),
    "spline_external": Figure(
        SURVIVAL,
        "Hazard along the H score, external",
        "hscore.report.figures.spline_figure:spline",
        (
            "Hazard ratio along the H score as a smooth curve, external test cohort: is the log hazard linear in the "
            "score?"
        ),
        cohort="external",
    ),
    "spline_development": Figure(
        SURVIVAL,
        "Hazard along the H score, development",
        "hscore.report.figures.spline_figure:spline",
        "Hazard ratio along the H score as a smooth curve, development cohort, out-of-fold scores.",
        cohort="development",
    ),
    "subgroups_external": Figure(
        DIAGNOSIS,
        "Subgroups, external",
        "hscore.report.figures.subgroup_figure:subgroups",
        (
            "The main model in every subgroup of the external test cohort, however small; red line: all patients. A "
            "wide interval in a small subgroup means that little is known, not that the model fails. p-values in the "
            "figure are not adjusted; tables/subgroups.csv contains the adjusted ones."
        ),
        cohort="external",
        wide=True,
    ),
    "subgroups_out_of_fold": Figure(
        DIAGNOSIS,
        "Subgroups, out-of-fold",
        "hscore.report.figures.subgroup_figure:subgroups",
        "The main model in every subgroup of the development cohort (out-of-fold), including its centres and scanners.",
        cohort="out_of_fold",
        wide=True,
    ),
    "hazard_ratios": Figure(
        SURVIVAL,
        "Hazard ratios from planted to achieved",
        "hscore.report.figures.hazard_ratio_figure:hazard_ratios",
        "Hazard ratio of the high against the low H score in four steps from planted to achieved.",
    ),
    "instability_external": Figure(
        DIAGNOSIS,
        "Instability, external",
        "hscore.report.figures.instability_figure:instability",
        (
            "Risk of every external patient: ensemble against each member. Points far from the grey line are unstable; "
            "members on the other side of the threshold change the call."
        ),
    ),
    "centers_external": Figure(
        DIAGNOSIS,
        "External centres",
        "hscore.report.figures.centers_figure:centers",
        "The main model in each external centre, pooled, and what the true value in a new centre is expected to be.",
        wide=True,
    ),
    "learning_curves": Figure(
        RECORD,
        "Learning curves",
        "hscore.report.figures.learning_figures:learning_curves",
        (
            "Loss of the networks in training (line) and on the held-out fold (points): mean over folds and seeds, "
            "with the range from lowest to highest. The training loss uses the configured class weights; the held-out "
            "loss weighs all patients equally. The curves were not used to choose anything."
        ),
        wide=True,
    ),
    "explanation": Figure(
        DIAGNOSIS,
        "Saliency maps",
        "hscore.report.figures.learning_figures:explanation",
        (
            "Grad-CAM maps: bright areas raise the score (each map has its own scale). They are shown over the middle "
            "section of the sample that supports the call most. The last row shows the same samples with networks of "
            "the same architecture and random weights. A map shows where, not why, and not whether the call is "
            "correct."
        ),
        wide=True,
    ),
}

TABLES: dict[str, Item] = {
    "flow": Item(
        PATIENTS,
        "Flow of patients",
        "hscore.report.tables.diagnosis_tables:flow",
        "Patients per centre: in the table, excluded with the reason, included.",
    ),
    "table1": Item(
        PATIENTS,
        "Table 1",
        "hscore.report.tables.diagnosis_tables:table1",
        "Table 1: patients by cohort and node status, with standardised differences and missing values.",
    ),
    "table1_centers": Item(
        PATIENTS,
        "Table 1 by centre",
        "hscore.report.tables.diagnosis_tables:table1_centers",
        "Patients by centre, with the largest standardised difference between two centres and missing values.",
    ),
    "protocol": Item(
        PATIENTS,
        "Imaging protocol",
        "hscore.report.tables.imaging_tables:protocol",
        "Imaging protocol per centre and sequence, from the headers of the series used.",
    ),
    "image_quality": Item(
        PATIENTS,
        "Image quality",
        "hscore.report.tables.imaging_tables:image_quality",
        "Quartiles of every image quality metric, by centre and sequence.",
    ),
    "performance": Item(
        DIAGNOSIS,
        "Performance",
        "hscore.report.tables.diagnosis_tables:performance",
        (
            "AUC, sensitivity, specificity, accuracy, PPV and NPV of every model with interval, numerator and "
            "denominator. External, out-of-fold and apparent are separate evaluations; compare results only within one "
            "of them."
        ),
    ),
    "intention_to_diagnose": Item(
        DIAGNOSIS,
        "Intention to diagnose",
        "hscore.report.tables.evaluation_tables:intention_to_diagnose",
        (
            "Intention to diagnose: patients without a result by node status, and accuracy for complete cases, worst "
            "case and best case."
        ),
    ),
    "roc": Item(
        DIAGNOSIS,
        "Points of the ROC curves",
        "hscore.report.tables.diagnosis_tables:roc",
        "Points of every ROC curve.",
    ),
    "roc_bands": Item(
        DIAGNOSIS,
        "Bands of the ROC curves",
        "hscore.report.tables.diagnosis_tables:roc_bands",
        "Pointwise bands of the ROC curves (stratified bootstrap).",
    ),
    "scores": Item(
        DIAGNOSIS,
        "H scores",
        "hscore.report.tables.imaging_tables:scores",
        "H score and node status of every patient, without names.",
    ),
    "cases": Item(
        DIAGNOSIS,
        "Cases shown",
        "hscore.report.tables.imaging_tables:cases",
        "Patients shown with pictures in the report, and their scores.",
    ),
    "adds_to_reading": Item(
        DIAGNOSIS,
        "Does the H score add to the reading",
        "hscore.report.tables.diagnosis_tables:adds_to_reading_answers",
        (
            "Added value of the H score over the MRI reading that it contains: the primary hypothesis (nodes), and "
            "survival."
        ),
    ),
    "comparisons": Item(
        DIAGNOSIS,
        "Comparisons of AUCs",
        "hscore.report.tables.diagnosis_tables:comparisons",
        "Differences in AUC between models in the same patients.",
    ),
    "auc_change": Item(
        DIAGNOSIS,
        "Change in AUC, development to external",
        "hscore.report.tables.diagnosis_tables:auc_change",
        "Change of every model's AUC from the development to the external cohort.",
    ),
    "paired_accuracy": Item(
        DIAGNOSIS,
        "Comparisons of frozen calls",
        "hscore.report.tables.diagnosis_tables:paired_accuracy",
        "McNemar's tests and differences between the calls of every pair of models at the frozen thresholds.",
    ),
    "calibration": Item(
        BENEFIT,
        "Calibration",
        "hscore.report.tables.diagnosis_tables:calibration",
        "Calibration measures of every model, as predicted and after recalibration.",
    ),
    "decision_curves": Item(
        BENEFIT,
        "Decision curves",
        "hscore.report.tables.diagnosis_tables:decision_curves",
        "Net benefit of every model and of treating all patients, at every threshold probability.",
    ),
    "reclassification": Item(
        BENEFIT,
        "Reclassification",
        "hscore.report.tables.diagnosis_tables:reclassification",
        "NRI and IDI of the main model against every other model.",
    ),
    "cut_off_error": Item(
        DIAGNOSIS,
        "Error from choosing the threshold",
        "hscore.report.tables.diagnosis_tables:cut_off_error",
        (
            "Standard error of each model's external sensitivity, specificity and accuracy due to choosing the "
            "threshold on a sample."
        ),
    ),
    "published": Item(
        DIAGNOSIS,
        "Comparison with the publication",
        "hscore.report.tables.diagnosis_tables:published",
        (
            "Our results and the published ones. Agrees: the interval of the difference, including the errors of both, "
            "is within the margin. Differs: it excludes zero. Inconclusive: neither."
        ),
    ),
    "truth": Item(
        DIAGNOSIS,
        "Comparison with the planted truth",
        "hscore.report.tables.evaluation_tables:truth",
        "AUC of the ideal observer, which knows the planted truth, and AUC achieved by the study.",
    ),
    "hazard_ratios": Item(
        SURVIVAL,
        "Hazard ratios from planted to achieved",
        "hscore.report.tables.evaluation_tables:hazard_ratios",
        (
            "Hazard ratio, high versus low H score: planted, of the true groups, expected for the predicted groups, "
            "and achieved."
        ),
    ),
    "guidelines": Item(
        RECORD,
        "Reporting guidelines",
        "hscore.report.tables.diagnosis_tables:checklist",
        "Items of the reporting guidelines with the answers of this run. Empty answers are left to the authors.",
    ),
    "subgroups": Item(
        DIAGNOSIS,
        "Subgroups",
        "hscore.report.tables.diagnosis_tables:subgroups",
        "AUC, sensitivity and specificity in every subgroup.",
    ),
    "study_size": Item(
        DIAGNOSIS,
        "Study size for a validation",
        "hscore.report.tables.diagnosis_tables:study_size",
        "Sample size for a prospective validation.",
    ),
    "development_size": Item(
        DIAGNOSIS,
        "Study size for development",
        "hscore.report.tables.diagnosis_tables:development_size",
        "Sample size for the development of a model.",
    ),
    "survival_groups": Item(
        SURVIVAL,
        "Groups",
        "hscore.report.tables.survival_tables:survival_groups",
        "Patients, events and median survival by H score.",
    ),
    "survival_at": Item(
        SURVIVAL,
        "Survival by year",
        "hscore.report.tables.survival_tables:survival_at",
        "Survival at yearly times.",
    ),
    "survival_curves": Item(
        SURVIVAL,
        "Points of the Kaplan-Meier curves",
        "hscore.report.tables.survival_tables:survival_curves",
        "Points of the Kaplan-Meier curves; time in months.",
    ),
    "cox": Item(
        SURVIVAL,
        "Cox models",
        "hscore.report.tables.survival_tables:cox",
        "Cox hazard ratios of the survival end point.",
    ),
    "spline": Item(
        SURVIVAL,
        "Hazard along the H score",
        "hscore.report.tables.survival_tables:spline",
        "Hazard ratio as a function of the H score.",
    ),
    "prediction_error": Item(
        SURVIVAL,
        "Prediction error",
        "hscore.report.tables.survival_tables:prediction_error",
        "Brier score of the predicted survival by month.",
    ),
    "survival_tests": Item(
        SURVIVAL,
        "Tests",
        "hscore.report.tables.survival_tables:survival_tests",
        "Log-rank tests, Gray's test and joint tests of several coefficients.",
    ),
    "survival_calibration": Item(
        SURVIVAL,
        "Calibration of predicted survival",
        "hscore.report.tables.survival_tables:survival_calibration",
        "Calibration of the predicted survival: O:E, slope, ICI, E50 and E90.",
    ),
    "survival_calibration_curve": Item(
        SURVIVAL,
        "Points of the calibration curve",
        "hscore.report.tables.survival_tables:survival_calibration_curve",
        "Points of the calibration curve of the predicted survival.",
    ),
    "thresholds": Item(
        RECORD,
        "Frozen thresholds",
        "hscore.report.tables.diagnosis_tables:thresholds",
        "Frozen thresholds and how they were chosen.",
    ),
    "added_value": Item(
        DIAGNOSIS,
        "Added value over node size and SCC antigen",
        "hscore.report.tables.evaluation_tables:added_value",
        (
            "Added value of the H score over node size, SCC antigen and MRI-LN status: likelihood-ratio test in each "
            "cohort, and AUC or C of models frozen on development."
        ),
    ),
    "instability": Item(
        DIAGNOSIS,
        "Instability over members",
        "hscore.report.tables.evaluation_tables:instability",
        "Distance of single ensemble members from their mean, and patients whose call they would change.",
    ),
    "threshold_instability": Item(
        DIAGNOSIS,
        "Instability of the thresholds",
        "hscore.report.tables.evaluation_tables:threshold_instability",
        "Thresholds chosen again on bootstrap resamples of the development cohort.",
    ),
    "centers": Item(
        DIAGNOSIS,
        "External centres, each and pooled",
        "hscore.report.tables.evaluation_tables:centers",
        "The main model in each external centre and pooled, with prediction intervals for a new centre.",
    ),
}

ITEMS: dict[str, Mapping[str, Item]] = {"figure": FIGURES, "table": TABLES}
