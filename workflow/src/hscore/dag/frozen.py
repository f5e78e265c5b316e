"""Use a finished study whose models are tested unchanged: weights, thresholds, survival model."""

from pathlib import Path

from hscore.contracts import results
from hscore.dag.input_tables import nearest
from hscore.dag.paths import Paths, seed_groups
from hscore.errors import UserError

# Sections that determine how a model's input is prepared. They must be identical; of `models`, only those in use.
PREPARATION = ("convert.diffusion", "normalize", "sample", "cohort.mri_ln_positive_mm")


def section(config: dict, path: str) -> object:
    """Return the part of a config at ``a.b``."""
    for key in path.split("."):
        config = config[key]
    return config


class Frozen:
    """A finished study, given by its results folder.

    Args:
        folder: results folder of the finished study.
        own_folder: results folder of the study that uses it.

    Attributes:
        problem: why the folder is not usable (None when it is).
    """

    def __init__(self, folder: str, own_folder: str) -> None:
        self.paths = Paths(Path(folder).name, root=Path(folder))
        self.config: dict = {}
        self.problem = None
        if Path(folder).resolve() == Path(own_folder).resolve():
            self.problem = "config: 'frozen' is this study's own results folder; give 'study' another name"
            return
        try:
            self.config = results.read(self.paths.results)["config"]
        except UserError:
            self.problem = (
                f"config: 'frozen': {self.paths.results} is missing or incomplete; "
                "name the results folder of a study that ran to its report"
            )

    def problems(self, config: dict) -> list[str]:
        """Return one sentence for every difference from the frozen study that prevents using its models."""
        if self.problem:
            return [self.problem]
        problems = []
        for name, spec in config["models"].items():
            frozen_spec = self.config["models"].get(name)
            if frozen_spec is None:
                known = nearest(name, [model for model, content in self.config["models"].items() if content])
                problems.append(f"config: the frozen study has no model '{name}'; {known}")
                continue
            if {**frozen_spec, "label": None} != {**spec, "label": None}:
                problems.append(f"config: 'models.{name}' is not the model of that name of the frozen study")
            problems += [
                f"config: 'frozen': the model folder {folder} is missing"
                for folder in self.model_folders(name, spec)
                if not Path(folder).is_dir()
            ]
            if not self.calibration(name) and ("reading" not in spec or Path(self.paths.folds).is_file()):
                problems.append(
                    f"config: 'frozen': {self.paths.calibration.format(model=name)} is missing; run the finished "
                    "study again with this version, which calibrates each model on development"
                )
        images = any("region" in spec for spec in config["models"].values())
        for section_path in PREPARATION if images else PREPARATION[-1:]:
            if section(config, section_path) != section(self.config, section_path):
                problems.append(
                    f"config: '{section_path}' differs from that of the frozen study. Its models need inputs prepared "
                    "as in training; copy that section"
                )
        return problems

    def calibration(self, name: str) -> list[str]:
        """Return the file of a model's calibration; nothing where the study had no development cohort."""
        path = self.paths.calibration.format(model=name)
        return [path] if Path(path).is_file() else []

    def model_folders(self, name: str, spec: dict) -> list[str]:
        """Return the folders of a model: one per group of seeds, one without randomness, none for a reading."""
        groups = [] if "reading" in spec else list(seed_groups(self.config["train"]))
        return [
            self.paths.model.format(model=name, seed=group) for group in (groups if "region" in spec else groups[:1])
        ]
