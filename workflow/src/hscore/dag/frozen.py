"""What a study takes from a finished one whose models it tests as they are: weights, thresholds, survival model."""

import json
from pathlib import Path

from hscore.dag.input_tables import nearest
from hscore.dag.paths import Paths, seed_groups

# What decides how a model's input is prepared and must therefore be as it was; of `models`, those that are used.
PREPARATION = ("convert.diffusion", "normalize", "sample", "cohort.mri_ln_positive_mm")


def section(config: dict, place: str) -> object:
    """The part of a config at ``a.b``."""
    for key in place.split("."):
        config = config[key]
    return config


class Frozen:
    """A finished study by its results folder; ``problem`` says why it is none (None when it is).

    ``own`` is the results folder of the study that would use it.
    """

    def __init__(self, folder: str, own: str) -> None:
        self.paths = Paths(Path(folder).name, root=Path(folder))
        self.config: dict = {}
        self.problem = None
        if Path(folder).resolve() == Path(own).resolve():
            self.problem = "config: 'frozen' is this study's own results folder; give 'study' another name"
            return
        try:
            self.config = json.loads(Path(self.paths.results).read_text(encoding="utf-8"))["config"]
        except (OSError, ValueError, KeyError):
            self.problem = (
                f"config: 'frozen': {self.paths.results} is not there or not whole; "
                "name the results folder of a study that ran to its report"
            )

    def problems(self, config: dict) -> list[str]:
        """A sentence for everything in which ``config`` is not the frozen study's, or needs more than it has."""
        if self.problem:
            return [self.problem]
        problems = []
        for name, spec in config["models"].items():
            theirs = self.config["models"].get(name)
            if theirs is None:
                known = nearest(name, [model for model, content in self.config["models"].items() if content])
                problems.append(f"config: the frozen study has no model '{name}'; {known}")
                continue
            if {**theirs, "label": None} != {**spec, "label": None}:
                problems.append(f"config: 'models.{name}' is not the model of that name of the frozen study")
            problems += [
                f"config: 'frozen': the model folder {folder} is not there"
                for folder in self.model_folders(name, spec)
                if not Path(folder).is_dir()
            ]
            if not self.calibration(name) and ("reading" not in spec or Path(self.paths.folds).is_file()):
                problems.append(
                    f"config: 'frozen': {self.paths.calibration.format(model=name)} is not there; run the finished "
                    "study again with this version, which calibrates each model on development"
                )
        images = any("region" in spec for spec in config["models"].values())
        for place in PREPARATION if images else PREPARATION[-1:]:
            if section(config, place) != section(self.config, place):
                problems.append(
                    f"config: '{place}' differs from that of the frozen study: its models must see what they were "
                    "trained on; copy that section"
                )
        return problems

    def calibration(self, name: str) -> list[str]:
        """File of a model's calibration; nothing where the study had no development cohort to fit it on."""
        path = self.paths.calibration.format(model=name)
        return [path] if Path(path).is_file() else []

    def model_folders(self, name: str, spec: dict) -> list[str]:
        """Folders of a model: of every group of seeds, of the first where nothing is random, none of a reading."""
        groups = [] if "reading" in spec else list(seed_groups(self.config["train"]))
        return [self.paths.model.format(model=name, seed=g) for g in (groups if "region" in spec else groups[:1])]
