"""List the files that a rule or a target needs, from the study's tables and never from the disk."""

import json
import re
from collections.abc import Callable

from hscore.dag.study import Study
from hscore.errors import UserError
from hscore.model_spec import sequences_of, sequences_seen

SCENARIOS = ("planted", "null")  # of the Monte-Carlo studies; as in hscore.recovery.cohorts


class Targets:
    """Lists of files of one study; methods that take ``wildcards`` serve as Snakemake input functions."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.paths = study.paths
        self.models = list(study.config["models"])
        self.trained = [name for name, spec in study.config["models"].items() if "reading" not in spec]
        self.frozen = study.frozen.paths if study.frozen else None

    def per_batch(self, pattern: str, *centers: str) -> list[str]:
        """Return ``pattern`` for every batch of the centres (default: all). Empty for studies without images."""
        if not self.study.has_images:
            return []
        return [
            pattern.format(center=center, batch=batch)
            for center in centers or self.study.centers
            for batch in self.study.batches[center]
        ]

    def per_batch_of_center(self, pattern: str) -> Callable:
        """Return an input function: ``pattern`` for every batch of the job's centre."""
        return lambda w: self.per_batch(pattern, w.center)

    def per_center(self, pattern: str, *roles: str, **fixed: str) -> list[str]:
        """Return ``pattern`` for the centres with one of the roles (default: all), development first."""
        roles = roles or ("development", "external")
        return [pattern.format(center=center, **fixed) for role in roles for center in self.study.centers_of(role)]

    def centers(self) -> list[str]:
        """Return the names of the centres, in the order of ``per_center``."""
        return [center for role in ("development", "external") for center in self.study.centers_of(role)]

    def monte_carlo_batches(self) -> list[str]:
        """Return the batches of Monte-Carlo studies, scenario by scenario."""
        number = self.study.config["simulation"]["monte_carlo"]["batches"]
        return [
            self.paths.monte_carlo_batch.format(scenario=scenario, batch=batch)
            for scenario in SCENARIOS
            for batch in range(1, number + 1)
        ]

    def monte_carlo_truths(self) -> list[str]:
        """Return the truths of the Monte-Carlo scenarios."""
        return [self.paths.monte_carlo_truth.format(scenario=scenario) for scenario in SCENARIOS]

    def monte_carlo_settings(self) -> str:
        """Return the sections of the config that the statistics stages need, as JSON."""
        return as_json({section: self.study.config[section] for section in ("validate", "survive")})

    def roles(self) -> list[str]:
        """Return the role of every centre, in the order of ``per_center``."""
        return [role for role in ("development", "external") for _ in self.study.centers_of(role)]

    def patients(self, wildcards) -> list[str]:
        """Return the patients of a job."""
        return self.study.batch(wildcards.center, wildcards.batch)

    def images_of_center(self, wildcards) -> list[str]:
        """Return the folder that contains one folder of DICOM per patient. Empty for studies without images."""
        return [self.study.images_root(wildcards.center)] if self.study.has_images else []

    def inventories(self) -> list[str]:
        """Return the series inventories and the duplicate-patient report. Empty for studies without images."""
        return [*self.per_center(self.paths.inventory), self.paths.same_patients] if self.study.has_images else []

    def quality_pages(self) -> list[str]:
        """Return the quality page of every centre. Empty for studies without images."""
        return self.per_center(self.paths.quality_page) if self.study.has_images else []

    def imaging(self) -> list[str]:
        """Return the imaging protocol and quality of the centres, for the report. Empty for studies without images."""
        return [self.paths.imaging] if self.study.has_images else []

    def final_outputs(self) -> list[str]:
        """Return the final outputs of the study, without the record of the run."""
        return [self.paths.page, *self.inventories(), *self.quality_pages()]

    def simulated_images(self, wildcards) -> list[str]:
        """Return the simulated images of a batch; nothing for a study of real patients, whose images may be absent."""
        if not self.study.simulated:
            return []
        return [self.paths.simulated_images.format(center=wildcards.center, batch=wildcards.batch)]

    def images(self, wildcards) -> str:
        """Return the folder with one subfolder of images per patient."""
        return self.study.images_root(wildcards.center)

    def sees_images(self, model: str) -> bool:
        """Return whether the model consists of networks."""
        return bool(sequences_of(self.study.config["models"][model]))

    def seed_groups(self, model: str) -> list[str]:
        """Return the names of a model's groups of seeds: none for a reading, one for a model without randomness."""
        groups = list(self.study.seed_groups) if model in self.trained else []
        return groups if self.sees_images(model) else groups[:1]

    def seeds(self, wildcards) -> list[int]:
        """Return the seeds of a group."""
        return self.study.seed_groups[wildcards.seed]

    def folds(self) -> list[str]:
        """Return the folds of the development cohort; nothing without one."""
        return [self.paths.folds] if self.study.centers_of("development") else []

    def trained_here(self) -> list[str]:
        """Return the folders of all models that this study trains; none where a finished study provides them."""
        return [] if self.frozen else self.all_models()

    def all_models(self) -> list[str]:
        """Return the model folders of every model and group of seeds; a reading has none."""
        return [folder for model in self.trained for folder in self.model_folders(model)]

    def model_folders(self, model: str, pattern: str | None = None) -> list[str]:
        """Return the folders of all groups of seeds of a model; a reading has none.

        Args:
            model: name of the model.
            pattern: path pattern; by default that of the study's own models, or of the finished study's.
        """
        pattern = pattern or (self.frozen or self.paths).model
        return [pattern.format(model=model, seed=seed) for seed in self.seed_groups(model)]

    def seeds_of_model(self, wildcards) -> list[str]:
        """Return ``model_folders`` of the model of a job."""
        return self.model_folders(wildcards.model)

    def fused(self, pattern: str, **fixed: str) -> Callable:
        """Return an input function: predictions (by ``pattern``) of the models that a model fuses, usually none."""
        return lambda w: [
            pattern.format(model=base, **fixed) for base in self.study.config["models"][w.model].get("fuse", [])
        ]

    def predictions(self, cohort: str, *models: str) -> list[str]:
        """Return the prediction files of the models (default: all) for ``development`` or ``external``.

        The list is empty for a cohort that the study does not have.
        """
        if not self.study.centers_of(cohort):
            return []
        return [self.paths.predictions.format(model=model, cohort=cohort) for model in models or self.models]

    def thresholds(self) -> str:
        """Return the file of frozen thresholds: the finished study's where models come from one."""
        return (self.frozen or self.paths).thresholds

    def calibration(self, wildcards) -> list[str]:
        """Return the calibration of a model, fitted on development here or in the finished study.

        The list is empty for a reading without a development cohort.
        """
        if self.study.frozen:
            return self.study.frozen.calibration(wildcards.model)
        development = self.study.centers_of("development")
        return [self.paths.calibration.format(model=wildcards.model)] if development else []

    def calibrations(self) -> list[str]:
        """Return the calibrations of all models, fitted on the development cohort; nothing without one."""
        development = self.study.centers_of("development")
        return [self.paths.calibration.format(model=model) for model in self.models] if development else []

    def selection(self) -> list[str]:
        """Return the model choice made on development; nothing without a development cohort."""
        return [self.paths.selection] if self.study.centers_of("development") else []

    def frozen_survival(self) -> list[str]:
        """Return the survival analysis of the finished study that models come from; nothing without one."""
        return [self.frozen.survival] if self.frozen else []

    def model_spec(self, wildcards) -> str:
        """Return the config of one model, as JSON."""
        return as_json(self.study.config["models"][wildcards.model])

    def training_settings(self, wildcards) -> str:
        """Return the config of training one model, as JSON."""
        return as_json(self.study.training(wildcards.model))

    def needs_gpu(self, wildcards) -> int:
        """Return 1 when training this model requires a GPU, else 0."""
        return int(self.sees_images(wildcards.model) and self.study.config["train"]["device"] == "gpu")

    def longest_first(self, wildcards) -> int:
        """Return the priority of training a model; models of several sequences take longest and start first."""
        return len(sequences_of(self.study.config["models"][wildcards.model]))

    def threads(self, wildcards) -> int:
        """Return the CPU threads of a training job."""
        return self.study.config["train"]["threads"] if self.sees_images(wildcards.model) else 1

    def index_tests(self) -> dict[str, str | None]:
        """Return the models counted by intention to diagnose: the column of a reading, None for an image model.

        A model of clinical variables alone is left out, because unusable images do not affect it.
        """
        models = self.study.config["models"]
        return {
            name: spec.get("reading")
            for name, spec in models.items()
            if "reading" in spec or sequences_seen(name, models)
        }

    def families(self) -> dict[str, dict[str, list[str]]]:
        """Return the image models between which development chooses, with and without clinical variables.

        In each family ``single`` models use one sequence and ``combined`` models several, also by fusing other models.
        """
        families = {name: {"single": [], "combined": []} for name in ("images", "with_clinical")}
        for name in self.models:
            if sequences := sequences_seen(name, self.study.config["models"]):
                family = "with_clinical" if self.study.config["models"][name].get("clinical") else "images"
                families[family]["single" if len(sequences) == 1 else "combined"].append(name)
        return families

    def explained(self) -> str | None:
        """Return the image model whose maps are drawn: the H score's, or the first it fuses; None without images."""
        name = self.study.config["survive"]["model"]
        names = [name, *self.study.config["models"][name].get("fuse", [])]
        return next((name for name in names if self.sees_images(name)), None)

    def explanation(self) -> list[str]:
        """Return the saliency maps in external patients; nothing without an image model or external patients."""
        return [self.paths.explanation] if self.explained() and self.study.centers_of("external") else []

    def search_model(self) -> str:
        """Return the image model whose training settings are searched."""
        name = self.study.config["search"]["model"]
        if name not in self.models or not self.sees_images(name):
            raise UserError(f"config: 'search.model': there is no image model '{name}'")
        return name

    def search_parts(self, wildcards=None) -> list[str]:
        """Return one search within the training patients of every fold, and one in all development patients."""
        self.search_model()
        parts = [f"fold-{fold}" for fold in range(self.study.config["split"]["folds"])]
        return [self.paths.search_part.format(part=part) for part in [*parts, "all"]]


def as_json(value: object) -> str:
    """Return a section of the config as the JSON argument of a step.

    Braces inside texts are escaped: Snakemake would take the ``{1,2}`` of a regular expression for a wildcard.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=False)
    return re.sub(r'"(?:[^"\\]|\\.)*"', lambda match: match[0].replace("{", "\\u007b").replace("}", "\\u007d"), text)
