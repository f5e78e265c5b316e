"""Represent a study for the Snakefile: its checked config, its centres and its patients.

Everything is checked here before the DAG is built, and every mistake is reported at once. Only the standard library and
Snakemake's own dependencies are imported, because this module runs at every call of ``snakemake``.
"""

import hashlib
import json
import os
from functools import cache, cached_property
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from hscore.dag.batches import batches
from hscore.dag.frozen import Frozen
from hscore.dag.input_tables import Table, nearest
from hscore.dag.paths import Paths, seed_groups
from hscore.errors import UserError
from hscore.files import sha256
from hscore.model_spec import sequences_of

OUTCOME_COLUMNS = {"lnm": ["lnm"], "dfs": ["dfs_months", "dfs_event", "competing_event"]}


def load_schema(folder: Path, name: str) -> dict:
    """Read ``<name>.schema.yaml``."""
    return yaml.safe_load((folder / f"{name}.schema.yaml").read_text(encoding="utf-8"))


def config_problems(config: dict, schema: dict) -> list[str]:
    """Return one sentence for everything in ``config`` that its schema does not allow."""
    problems = []
    for error in sorted(Draft202012Validator(schema).iter_errors(config), key=lambda error: list(error.path)):
        place = ".".join(str(part) for part in error.path)
        if error.validator == "additionalProperties":
            known = list(error.schema["properties"])
            for key in sorted(set(error.instance) - set(known), key=str):
                full = f"{place}.{key}" if place else key
                problems.append(f"config: key '{full}' is not known; {nearest(str(key), known)}")
        elif error.validator in ("required", "dependentRequired", "anyOf"):
            problems.append(f"config: '{place or 'the config'}' is incomplete: {error.message}")
        else:
            problems.append(f"config: '{place}': {error.message}")
    return problems


def merged(default: dict, changes: dict) -> dict:
    """Return ``default`` with the values of ``changes``; nested sections are merged key by key."""
    nested = {key: merged(default[key], changes[key]) for key in changes if _nested(default.get(key), changes[key])}
    return {**default, **changes, **nested}


def _nested(*values: object) -> bool:
    return all(isinstance(value, dict) for value in values)


def fingerprint(content: object) -> str:
    """Return a short digest of plain JSON content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


class Study:
    """One study, checked.

    Args:
        config: the config as Snakemake merged it.
        schemas: folder of the schemas.

    Raises:
        UserError: the config, the centres table or a clinical table has mistakes; one sentence per line.
    """

    def __init__(self, config: dict, schemas: Path) -> None:
        self.named_models = list(config.get("models") or {})  # those that are left out, too
        models = config.get("models") or {}
        self.config = {**config, "models": {name: spec for name, spec in models.items() if spec is not None}}
        self._models_left_out = set(models) - set(self.config["models"])
        self._fail(config_problems(self.config, load_schema(schemas, "config")))
        self.has_images = any(sequences_of(model) for model in self.config["models"].values())
        if not self.has_images:
            self.config["cohort"] = {**self.config["cohort"], "required_sequences": []}
        self.paths = Paths(config["study"])
        self.simulated = config["data"] == "simulated"
        self.frozen = Frozen(self.config["frozen"], self.paths.root) if "frozen" in self.config else None
        centers = Table(config["centers"], load_schema(schemas, "centers")[config["data"]], delimiter="\t")
        problems = centers.problems + self._center_problems(centers) + self._model_problems()
        self._fail(problems + self._role_problems(centers) + (self.frozen.problems(self.config) if self.frozen else []))
        self.centers = {row["center"]: row for row in centers.rows}
        self.patients: dict[str, list[str]] = {}
        self._rows: dict[str, dict[str, dict]] = {}
        if self.simulated:
            for center, row in self.centers.items():
                self.patients[center] = [f"{center}-{number:04d}" for number in range(1, row["patients"] + 1)]
        else:
            self._read_clinical_tables(load_schema(schemas, "clinical"))

    @staticmethod
    def _fail(problems: list[str]) -> None:
        if problems:
            raise UserError("\n".join(problems))

    def _center_problems(self, table: Table) -> list[str]:
        problems, names = [], set()
        for number, row in zip(table.row_numbers, table.rows, strict=True):
            if row.get("center") in names:
                problems.append(f"{table.path}, row {number}, column center: '{row['center']}' occurs twice")
            names.add(row.get("center"))
            if self.simulated and (row.get("lnm_positive") or 0) > (row.get("patients") or 0):
                problems.append(f"{table.path}, row {number}, column lnm_positive: must not exceed the column patients")
            if not self.simulated and self.has_images and not row.get("images"):
                right = "give the folder that contains one folder of DICOM per patient"
                problems.append(f"{table.path}, row {number}, column images: it is empty; {right}")
            if not self.simulated and row.get("images") and not Path(row["images"]).is_dir():
                problems.append(f"{table.path}, row {number}, column images: there is no folder '{row['images']}'")
        if self.simulated and "simulation" not in self.config:
            problems.append("config: a simulated study needs the key 'simulation.parameters'")
        return problems

    def _role_problems(self, table: Table) -> list[str]:
        """Return the problems of a study with one role; without a development centre everything must be fixed."""
        if table.problems:
            return []
        if not table.rows:
            return [f"{table.path}: the table contains no centre"]
        development = [row["center"] for row in table.rows if row["role"] == "development"]
        if self.frozen:
            reason = "the models of the key 'frozen' are tested unchanged, so every centre must be external"
            return [f"{table.path}: centre '{center}' has the role 'development'; {reason}" for center in development]
        if development:
            return []
        no_development = f"{table.path}: no centre has the role 'development'"
        remedy = "give one that role, or name a finished study under the key 'frozen'"
        trained = [name for name, model in self.config["models"].items() if "reading" not in model]
        problems = [f"{no_development}, but model '{name}' must be trained; {remedy}" for name in trained]
        threshold = self.config["validate"]["threshold"]
        if not (isinstance(threshold, dict) and "value" in threshold):
            problems.append(
                f"{no_development} to choose a threshold on; set 'validate.threshold' to {{value: 0.5}}, or {remedy}"
            )
        if self.config["survive"]["groups"] != "threshold":
            problems.append(f"{no_development} to take a median of; set 'survive.groups' to 'threshold', or {remedy}")
        return problems

    def _model_problems(self) -> list[str]:
        problems = []
        models, required = self.config["models"], self.config["cohort"]["required_sequences"]
        for name, model in models.items():
            problems += self._reading_problems(name, model) + self._fusion_problems(name, model)
            if len(sequences_of(model)) > 1 and self.training(name)["aggregation"] not in ("mean", "attention"):
                problems.append(
                    f"config: model '{name}' uses several sequences, whose features are pooled: its "
                    "'train.aggregation' must be mean or attention (for this model alone: 'models."
                    f"{name}.train.aggregation')"
                )
            if (used_by_model := sequences_of(model)) and not set(used_by_model) & set(required):
                problems.append(
                    f"config: model '{name}' uses {' and '.join(used_by_model)}, which 'cohort.required_sequences' "
                    "does not list, so some patients would have no score; add it there, or leave the model out by "
                    "setting it to null"
                )
        used_sequences = [sequence for model in models.values() for sequence in sequences_of(model)]
        for sequence in dict.fromkeys([*required, *used_sequences]):
            for section in ("convert.sequences", "normalize.intensity"):
                first, second = section.split(".")
                if sequence not in self.config[first][second]:
                    problems.append(f"config: '{section}' has no entry for {sequence}; add one")
        for name in self.config["survive"]["adjust_for"]:
            if name not in COVARIATES:
                problems.append(f"config: 'survive.adjust_for': no column '{name}'; {nearest(name, list(COVARIATES))}")
        for section, key in (("survive", "model"), ("validate", "reference")):
            name = self.config[section][key]
            if name not in models:
                problems.append(f"config: '{section}.{key}': there is no model '{name}'; {nearest(name, list(models))}")
        return problems + self._primary_problems()

    def _primary_problems(self) -> list[str]:
        """Return the problems of the primary hypothesis, which needs two models; a model set to null may be missing."""
        primary = self.config["validate"]["primary"]
        problems = [
            f"config: 'validate.primary.{key}': there is no model '{name}'; {nearest(name, self.named_models)}"
            for key, name in primary.items()
            if name not in self.named_models
        ]
        if primary["model"] == primary["against"]:
            problems.append(
                f"config: 'validate.primary' compares '{primary['model']}' with itself; 'model' and 'against' must be "
                "two different models"
            )
        return problems

    def _fusion_problems(self, name: str, model: dict) -> list[str]:
        """Return the problems of a fusion: its models must exist and must not be fusions themselves."""
        models = self.config["models"]
        single = [candidate for candidate, spec in models.items() if "fuse" not in spec]
        problems = []
        for base in model.get("fuse", []):
            if base in self._models_left_out:
                problems.append(
                    f"config: model '{name}' fuses '{base}', which is left out (null); take it out of 'fuse', or leave "
                    f"out '{name}' too"
                )
            elif base not in models:
                problems.append(f"config: model '{name}', fuse: there is no model '{base}'; {nearest(base, single)}")
            elif base not in single:
                problems.append(f"config: model '{name}', fuse: '{base}' is itself a fusion")
        return problems

    def _reading_problems(self, name: str, model: dict) -> list[str]:
        """Return the problems of a reading: for a coded column it must list the positive terms."""
        column = model.get("reading")
        if column not in self.config["codes"]:
            return []
        terms = sorted(set(self.config["codes"][column].values()))
        if not model.get("positive"):
            known = ", ".join(terms)
            return [f"config: model '{name}' reads {column}: 'positive' must list what counts as positive of {known}"]
        return [
            f"config: model '{name}', positive: there is no {column} '{term}'; {nearest(term, terms)}"
            for term in model["positive"]
            if term not in terms
        ]

    def _read_clinical_tables(self, schema: dict) -> None:
        problems, seen = [], {}
        for center, row in self.centers.items():
            table = Table(row["clinical_table"], schema, delimiter=",")
            for number, line in zip(table.row_numbers, table.rows, strict=True):
                self._check_clinical_row(table, number, line, center, schema, seen)
            problems += table.problems
            self.patients[center] = [line["patient"] for line in table.rows if line["patient"]]
            self._rows[center] = {line["patient"]: line for line in table.rows}
            if not table.rows and not table.problems:
                problems.append(f"{table.path}: the table contains no patient")
        self._fail(problems)

    def _check_clinical_row(self, table: Table, number: int, line: dict, center: str, schema: dict, seen: dict) -> None:
        patient = line["patient"]
        if patient in seen:
            table.problem(number, "patient", patient, f"the patient is already listed in {seen[patient]}")
        elif patient:
            seen[patient] = f"{table.path}, row {number}"
        if line["center"] and line["center"] != center:
            table.problem(number, "center", line["center"], f"this is the table of '{center}'")
        for column, rule in schema["properties"].items():
            code = line[column]
            if rule.get("x-coded") and code is not None and code not in self.config["codes"][column]:
                known = nearest(code, list(self.config["codes"][column]))
                table.problem(number, column, code, f"{known} (codes.{column} in the config defines the codes)")
        if (line["dfs_months"] is None) != (line["dfs_event"] is None):
            empty, filled = sorted(["dfs_months", "dfs_event"], key=lambda column: line[column] is not None)
            table.problem(number, empty, None, f"{filled} is given: give both or neither")
        if line["competing_event"] == 1 and line["dfs_event"] != 0:
            right = "dfs_event must then be 0: the two cannot both end the follow-up"
            table.problem(number, "competing_event", 1, right)

    def centers_of(self, role: str) -> list[str]:
        """Return the centres with a role, in the order of the centres table."""
        return [center for center, row in self.centers.items() if row["role"] == role]

    @cached_property
    def clinical_columns(self) -> list[str]:
        """Return the clinical variables that at least one model uses; a patient without one of them is excluded."""
        used = [column for model in self.config["models"].values() for column in model.get("clinical", [])]
        used += [model["reading"] for model in self.config["models"].values() if "reading" in model]
        return sorted(set(used))

    def training(self, name: str) -> dict:
        """Return section ``train`` for one model, without the number of seeds; more seeds retrain no existing ones.

        Only the network's settings of its own family are kept, because the default config names those of the paper.
        """
        model = self.config["models"][name]
        settings = merged(self.config["train"], model.get("train", {}))
        foreign = "arguments" if settings["network"]["name"] == "paper" else "channels"
        settings["network"] = {key: value for key, value in settings["network"].items() if key != foreign}
        return {key: value for key, value in settings.items() if key != "seeds"}

    @cached_property
    def seed_groups(self) -> dict[str, list[int]]:
        """Return ``paths.seed_groups`` of this study, or of the finished one where models come from one."""
        return seed_groups((self.frozen or self).config["train"])

    @cached_property
    def batches(self) -> dict[str, dict[str, list[str]]]:
        """Return the patients of every centre by batch."""
        size = self.config["patients_per_job"]
        return {center: batches(patients, size) for center, patients in self.patients.items()}

    def batch(self, center: str, name: str) -> list[str]:
        """Return the patients of a batch.

        Raises:
            UserError: there is no batch of that name.
        """
        if name not in self.batches[center]:
            raise UserError(f"centre '{center}' has no batch '{name}'; it has {', '.join(self.batches[center])}")
        return self.batches[center][name]

    @cache  # noqa: B019  one Study lives as long as the process
    def _patient_set(self, center: str) -> frozenset[str]:
        return frozenset(self.patients[center])

    def table(self, center: str) -> str:
        """Return the path of a centre's clinical table."""
        if self.simulated:
            return self.paths.simulated_table.format(center=center)
        return self.centers[center]["clinical_table"]

    def scanner(self, center: str) -> str:
        """Return the scanner of a simulated centre; that of the first centre where centres must not differ."""
        same_scanner = self.config["simulation"]["center_shift"] == "none"
        return next(iter(self.centers.values()))["scanner"] if same_scanner else self.centers[center]["scanner"]

    def control(self, center: str) -> str:
        """Return the negative control that a simulated centre takes part in; only external centres have a leak."""
        control = self.config["simulation"]["control"]
        not_leaking = control == "corner_leak" and self.centers[center]["role"] == "development"
        return "none" if not_leaking else control

    def images_root(self, center: str) -> str:
        """Return the folder that contains one folder of DICOM per patient; used only where a model uses images."""
        if self.simulated:
            return self.paths.simulated_images_root.format(center=center)
        return self.centers[center]["images"]

    @cache  # noqa: B019
    def rows_digest(self, center: str, purpose: str) -> str:
        """Return a digest of the part of a centre's table that a job uses; it changes when that part changes.

        A simulated table is an ordinary input instead, and the digest is constant.

        Args:
            center: the centre.
            purpose: ``lnm`` or ``dfs`` for those outcomes, ``cohort`` for everything that the cohort stage reads: all
                but the outcomes' values. Which outcomes are known determines who is included, and in which analyses.
        """
        if self.simulated:
            return "simulated"
        outcomes = {column for columns in OUTCOME_COLUMNS.values() for column in columns}
        rows = []
        for row in self._rows[center].values():
            if purpose == "cohort":
                part = {column: value for column, value in row.items() if column in COHORT_COLUMNS}
                part["lnm"] = row["lnm"] is not None
                part["dfs"] = part["lnm"] or None not in (row["dfs_months"], row["dfs_event"])
            else:
                part = {
                    column: value
                    for column, value in row.items()
                    if column == "patient" or column in OUTCOME_COLUMNS[purpose]
                }
            rows.append(part)
        assert purpose != "cohort" or not outcomes & set(COHORT_COLUMNS)
        return fingerprint(rows)

    @cache  # noqa: B019
    def batch_digest(self, center: str, batch: str) -> str:
        """Return a digest of the names and sizes of the image files of a batch of patients."""
        if self.simulated:
            return "simulated"
        return fingerprint([self.images_digest(center, patient) for patient in self.batch(center, batch)])

    @cache  # noqa: B019
    def images_digest(self, center: str, patient: str) -> str:
        """Return a digest of the names and sizes of a patient's files; it changes with the files or their sizes."""
        folder = os.path.join(self.centers[center]["images"], patient)
        files, visited = [], set()
        for directory, folders, names in os.walk(folder, followlinks=True):
            folders.sort()
            if os.path.realpath(directory) in visited:  # a link that leads back
                folders.clear()
                continue
            visited.add(os.path.realpath(directory))
            for name in sorted(names):
                path = os.path.join(directory, name)
                size = os.stat(path).st_size if os.path.exists(path) else -1
                files.append([os.path.relpath(path, folder), size])
        return fingerprint(files) if os.path.isdir(folder) else "no folder"

    @cache  # noqa: B019
    def center_digest(self, center: str) -> str:
        """Return a digest of the names and sizes of all image files of a centre's patients."""
        if self.simulated or not self.has_images:
            return "simulated" if self.simulated else "no images"
        return fingerprint([self.images_digest(center, patient) for patient in self.patients[center]])

    def input_tables(self) -> list[str]:
        """Return the tables people wrote: the centres, and the clinical data or the parameters of the simulation."""
        if self.simulated:
            return [self.config["centers"], self.config["simulation"]["parameters"]]
        return [self.config["centers"], *(self.table(center) for center in self.centers)]

    def input_digests(self) -> list[str]:
        """Return digests of the contents of these tables, so that the record of a run follows their changes."""
        return [sha256(path) for path in self.input_tables()]

    def folders_digest(self, center: str) -> str:
        """Return a digest of the names of a centre's image folders that its table does not list."""
        if self.simulated:
            return "simulated"
        if not self.has_images:
            return "no images"
        names = {entry.name for entry in os.scandir(self.centers[center]["images"]) if entry.is_dir()}
        return fingerprint(sorted(names - self._patient_set(center)))


COHORT_COLUMNS = (
    "patient",
    "age",
    "figo_stage",
    "histology",
    "grade",
    "scc_ag_ng_ml",
    "mri_ln_short_axis_mm",
    "mri_ln_positive",
)
# What a Cox model can adjust for: columns of the manifest, and the node status at pathology.
COVARIATES = (*COHORT_COLUMNS[1:], "center", "tumour_volume_ml", "scanner", "lnm")
