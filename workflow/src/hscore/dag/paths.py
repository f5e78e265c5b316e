"""Define every path of a study as a pattern.

All patterns are relative to the working directory and start at ``results/<study>``. Names in braces are
Snakemake wildcards. An imaging job processes a batch of patients. Its output is a record
(``hscore.contracts.batch_record``), and the patients' own files are next to the folder of records:
``nifti/<center>/sub-<patient>``.
"""

from pathlib import PurePath, PurePosixPath


def seed_groups(train: dict) -> dict[str, list[int]]:
    """Return the seeds that one job trains, by the value of ``{seed}`` in a path: one each, or all together on a GPU.

    Args:
        train: section ``train`` of the config.
    """
    seeds = list(range(1, train["seeds"] + 1))
    if train["device"] == "gpu" and len(seeds) > 1:
        return {f"1-{seeds[-1]}": seeds}
    return {str(seed): [seed] for seed in seeds}


class Paths:
    """The path patterns of one study.

    Args:
        study: name of the study in the config.
        root: results folder, if it is elsewhere.
    """

    def __init__(self, study: str, root: PurePath | None = None) -> None:
        root = PurePosixPath(root or f"results/{study}")
        batch = "{center}/batches/{batch}.json"
        self.root = str(root)
        self.simulated_table = str(root / "simulated/{center}/clinical.csv")
        self.simulated_images_root = str(root / "simulated/{center}/images")
        self.simulated_images = str(root / "simulated" / batch)
        self.atlas = str(root / "simulated/atlas")
        self.truth = str(root / "truth/{center}.json")
        self.image_truth = str(root / "truth" / batch)
        self.nifti = str(root / "nifti" / batch)
        self.normalized = str(root / "normalized" / batch)
        self.samples = str(root / "samples" / batch)
        self.inventory = str(root / "qc/{center}/inventory.tsv")
        self.quality = str(root / "qc" / batch)
        self.quality_page = str(root / "qc/{center}/overview.html")
        self.same_patients = str(root / "qc/same_patients.json")
        self.shortcuts = str(root / "qc/shortcuts.json")
        self.manifest = str(root / "cohort/{center}/manifest.csv")
        self.excluded = str(root / "cohort/{center}/excluded.csv")
        self.flow = str(root / "cohort/{center}/flow.json")
        self.outcome = str(root / "cohort/{center}/{outcome}.csv")
        self.excluded_lnm = str(root / "cohort/{center}/excluded_lnm.csv")
        self.table1 = str(root / "cohort/table1.json")
        self.folds = str(root / "splits/folds.csv")
        self.model = str(root / "models/{model}/seed-{seed}")
        self.training_state = str(root / "models/.state/{model}/seed-{seed}")
        self.predictions = str(root / "predictions/{model}/{cohort}.csv")
        self.calibration = str(root / "predictions/{model}/calibration.json")
        self.selection = str(root / "validation/selection.json")
        self.thresholds = str(root / "validation/thresholds.json")
        self.validation = str(root / "validation/validation.json")
        self.explanation = str(root / "explanation/explanation.json")
        self.survival = str(root / "survival/survival.json")
        self.imaging = str(root / "report/imaging.json")
        self.cases = str(root / "report/cases.json")
        self.results = str(root / "report/results.json")
        self.monte_carlo_truth = str(root / "recovery/monte_carlo/{scenario}-truth.json")
        self.monte_carlo_batch = str(root / "recovery/monte_carlo/{scenario}-{batch}.npz")
        self.monte_carlo = str(root / "recovery/monte_carlo.json")
        self.hazard_ratios = str(root / "recovery/hazard_ratios.json")
        self.recovery = str(root / "recovery/recovery.json")
        self.recovery_page = str(root / "recovery/recovery.html")
        self.control = str(root / "recovery/control.json")
        self.page = str(root / "report/report.html")
        self.figures = str(root / "report/figures")
        self.tables = str(root / "report/tables")
        # Optional targets: leave one development centre out, and a search over training settings.
        leave_one_out = root / "leave_one_center_out"
        self.center_folds = str(leave_one_out / "folds.csv")
        self.center_model = str(leave_one_out / "models/{model}/seed-{seed}")
        self.center_state = str(leave_one_out / "models/.state/{model}/seed-{seed}")
        self.center_predictions = str(leave_one_out / "predictions/{model}.csv")
        self.center_calibration = str(leave_one_out / "predictions/{model}-calibration.json")
        self.center_performance = str(leave_one_out / "performance.csv")
        self.search_part = str(root / "search/{part}.json")
        self.search_state = str(root / "search/.state/{part}")
        self.search = str(root / "search/search.json")
        self.provenance = str(root / "provenance")

    def log(self, rule: str, wildcards: str = "") -> str:
        """Return the log file of a rule; ``wildcards`` is the pattern that distinguishes its jobs."""
        return f"{self.root}/logs/{rule}{'/' if wildcards else ''}{wildcards}.log"

    def benchmark(self, rule: str, wildcards: str = "") -> str:
        """Return the benchmark file of a rule (wall time, CPU time, peak memory)."""
        return f"{self.root}/benchmarks/{rule}{'/' if wildcards else ''}{wildcards}.tsv"
