"""Which files a rule or a target needs: lists built from the study's tables, never by looking at the disk."""

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
        """``pattern`` for every batch of the centres (all when none is named); nothing where no model sees images."""
        if not self.study.has_images:
            return []
        return [
            pattern.format(center=center, batch=batch)
            for center in centers or self.study.centers
            for batch in self.study.batches[center]
        ]

    def per_batch_of_center(self, pattern: str) -> Callable:
        """The same for the centre of a job, as an input function."""
        return lambda w: self.per_batch(pattern, w.center)

    def per_center(self, pattern: str, *roles: str, **fixed: str) -> list[str]:
        """``pattern`` for the centres with one of the roles (all roles when none is named), development first."""
        roles = roles or ("development", "external")
        return [pattern.format(center=center, **fixed) for role in roles for center in self.study.centers_of(role)]

    def centers(self) -> list[str]:
        """The names of the centres, in the order of ``per_center``."""
        return [center for role in ("development", "external") for center in self.study.centers_of(role)]

    def monte_carlo_batches(self) -> list[str]:
        """The batches of Monte-Carlo studies, scenario by scenario."""
        number = self.study.config["simulation"]["monte_carlo"]["batches"]
        return [
            self.paths.monte_carlo_batch.format(scenario=scenario, batch=batch)
            for scenario in SCENARIOS
            for batch in range(1, number + 1)
        ]

    def monte_carlo_truths(self) -> list[str]:
        """The truths of the Monte-Carlo scenarios."""
        return [self.paths.monte_carlo_truth.format(scenario=scenario) for scenario in SCENARIOS]

    def monte_carlo_settings(self) -> str:
        """The sections of the config that the statistics stages take, as JSON."""
        return as_json({section: self.study.config[section] for section in ("validate", "survive")})

    def roles(self) -> list[str]:
        """The role of every centre, in the order of ``per_center``."""
        return [role for role in ("development", "external") for _ in self.study.centers_of(role)]

    def patients(self, wildcards) -> list[str]:
        """The patients of a job."""
        return self.study.batch(wildcards.center, wildcards.batch)

    def images_of_center(self, wildcards) -> list[str]:
        """Folder that holds one folder of DICOM per patient; none where no model sees images."""
        return [self.study.images_root(wildcards.center)] if self.study.has_images else []

    def inventories(self) -> list[str]:
        """What each centre delivered and who is there twice; nothing where no model sees images."""
        return [*self.per_center(self.paths.inventory), self.paths.same_patients] if self.study.has_images else []

    def quality_pages(self) -> list[str]:
        """The pages for looking at every patient's images; nothing where no model sees images."""
        return self.per_center(self.paths.quality_page) if self.study.has_images else []

    def imaging(self) -> list[str]:
        """The imaging protocol and quality of the centres, for the report; nothing where no model sees images."""
        return [self.paths.imaging] if self.study.has_images else []

    def final_outputs(self) -> list[str]:
        """What the study is run for, but for the record of the run."""
        return [self.paths.page, *self.inventories(), *self.quality_pages()]

    def simulated_images(self, wildcards) -> list[str]:
        """The simulated images of a batch; nothing when the study brings its own, which may be absent."""
        if not self.study.simulated:
            return []
        return [self.paths.simulated_images.format(center=wildcards.center, batch=wildcards.batch)]

    def images(self, wildcards) -> str:
        """Folder with one subfolder of images per patient."""
        return self.study.images_root(wildcards.center)

    def sees_images(self, model: str) -> bool:
        """Whether the model is made of networks."""
        return bool(sequences_of(self.study.config["models"][model]))

    def seed_groups(self, model: str) -> list[str]:
        """Names of the groups of seeds of a model: of a reading none, of what is not random one."""
        groups = list(self.study.seed_groups) if model in self.trained else []
        return groups if self.sees_images(model) else groups[:1]

    def seeds(self, wildcards) -> list[int]:
        """The seeds of a group."""
        return self.study.seed_groups[wildcards.seed]

    def folds(self) -> list[str]:
        """The folds of the development cohort; nothing where there is none."""
        return [self.paths.folds] if self.study.centers_of("development") else []

    def trained_here(self) -> list[str]:
        """Model folders of every model and seed that this study trains; none where they come from a finished study."""
        return [] if self.frozen else self.all_models()

    def all_models(self) -> list[str]:
        """Model folders of every model and group of seeds; a reading has none."""
        return [folder for model in self.trained for folder in self.model_folders(model)]

    def model_folders(self, model: str, pattern: str | None = None) -> list[str]:
        """Folders of all groups of seeds of a model, none of a reading.

        ``pattern`` says where; the default is the study's own models, or the finished study's where they come from one.
        """
        pattern = pattern or (self.frozen or self.paths).model
        return [pattern.format(model=model, seed=seed) for seed in self.seed_groups(model)]

    def seeds_of_model(self, wildcards) -> list[str]:
        """``model_folders`` of the model of a job."""
        return self.model_folders(wildcards.model)

    def fused(self, pattern: str, **fixed: str) -> Callable:
        """Predictions (by ``pattern``) of the models that a model fuses, as an input function; mostly none."""
        return lambda w: [
            pattern.format(model=base, **fixed) for base in self.study.config["models"][w.model].get("fuse", [])
        ]

    def named_fused(self, pattern: str, **fixed: str) -> Callable:
        """The same as ``model=file`` arguments."""
        return lambda w: [
            f"{base}={pattern.format(model=base, **fixed)}"
            for base in self.study.config["models"][w.model].get("fuse", [])
        ]

    def predictions(self, cohort: str, *models: str) -> list[str]:
        """Prediction files of the models (all when none is named) for ``development`` or ``external``.

        Nothing for a cohort that the study does not have.
        """
        if not self.study.centers_of(cohort):
            return []
        return [self.paths.predictions.format(model=model, cohort=cohort) for model in models or self.models]

    def thresholds(self) -> str:
        """The file of what was frozen on development: the finished study's where models come from one."""
        return (self.frozen or self.paths).thresholds

    def calibration(self, wildcards) -> list[str]:
        """From members' scores to risks, of a model: fitted on development, here or in the finished study.

        Nothing where no study did: a reading without a development cohort.
        """
        if self.study.frozen:
            return self.study.frozen.calibration(wildcards.model)
        here = self.study.centers_of("development")
        return [self.paths.calibration.format(model=wildcards.model)] if here else []

    def named_calibrations(self) -> list[str]:
        """Calibrations of the development cohort as ``model=file`` arguments; nothing where there is none."""
        files = {model: self.paths.calibration.format(model=model) for model in self.models}
        return [f"{model}={file}" for model, file in files.items()] if self.study.centers_of("development") else []

    def selection(self) -> list[str]:
        """What development chose between the models; nothing where there is no development cohort."""
        return [self.paths.selection] if self.study.centers_of("development") else []

    def frozen_survival(self) -> list[str]:
        """The survival analysis of the finished study that models come from; nothing where they are trained here."""
        return [self.frozen.survival] if self.frozen else []

    def named_predictions(self, cohort: str) -> list[str]:
        """The same as ``model=file`` arguments."""
        return [f"{model}={file}" for model in self.models for file in self.predictions(cohort, model)]

    def model_spec(self, wildcards) -> str:
        """The config of one model, as JSON."""
        return as_json(self.study.config["models"][wildcards.model])

    def training_settings(self, wildcards) -> str:
        """The config of training one model, as JSON."""
        return as_json(self.study.training(wildcards.model))

    def needs_gpu(self, wildcards) -> int:
        """1 when training this model was promised a GPU, else 0."""
        return int(self.sees_images(wildcards.model) and self.study.config["train"]["device"] == "gpu")

    def longest_first(self, wildcards) -> int:
        """Priority of training a model: one of several sequences takes several times as long, and would end alone."""
        return len(sequences_of(self.study.config["models"][wildcards.model]))

    def threads(self, wildcards) -> int:
        """CPU threads of a training job."""
        return self.study.config["train"]["threads"] if self.sees_images(wildcards.model) else 1

    def index_tests(self) -> dict[str, str | None]:
        """Models counted by intention to diagnose: the column that a reading reads, None for one that sees images.

        A model of clinical variables alone needs no images: that a patient's are unusable says nothing of it.
        """
        models = self.study.config["models"]
        return {
            name: spec.get("reading")
            for name, spec in models.items()
            if "reading" in spec or sequences_seen(name, models)
        }

    def families(self) -> dict[str, dict[str, list[str]]]:
        """Image models between which development chooses, those without and those with clinical variables apart.

        In each family the ``single`` see one sequence and the ``combined`` several, also by fusing other models.
        """
        families = {name: {"single": [], "combined": []} for name in ("images", "with_clinical")}
        for name in self.models:
            if seen := sequences_seen(name, self.study.config["models"]):
                family = "with_clinical" if self.study.config["models"][name].get("clinical") else "images"
                families[family]["single" if len(seen) == 1 else "combined"].append(name)
        return families

    def explained(self) -> str | None:
        """The image model whose maps are drawn: the H score's, or the first it fuses; None where no image is seen."""
        name = self.study.config["survive"]["model"]
        names = [name, *self.study.config["models"][name].get("fuse", [])]
        return next((name for name in names if self.sees_images(name)), None)

    def explanation(self) -> list[str]:
        """The maps of that model in external patients; nothing where there is none of either."""
        return [self.paths.explanation] if self.explained() and self.study.centers_of("external") else []

    def search_model(self) -> str:
        """The image model that is searched for."""
        name = self.study.config["search"]["model"]
        if name not in self.models or not self.sees_images(name):
            raise UserError(f"config: 'search.model': there is no image model '{name}'")
        return name

    def search_parts(self, wildcards=None) -> list[str]:
        """A search within the training patients of every fold, and one in all development patients."""
        self.search_model()
        parts = [f"fold-{fold}" for fold in range(self.study.config["split"]["folds"])]
        return [self.paths.search_part.format(part=part) for part in [*parts, "all"]]


def as_json(value: object) -> str:
    """Return a section of the config as the JSON argument of a step.

    Braces inside texts are escaped: Snakemake would take the ``{1,2}`` of a regular expression for a wildcard.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=False)
    return re.sub(r'"(?:[^"\\]|\\.)*"', lambda match: match[0].replace("{", "\\u007b").replace("}", "\\u007d"), text)
