"""Who is in the study and who is not: every patient of a clinical table in exactly one place."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from hscore.status import EXCLUSIONS, NOTES, Status

# Reasons from the clinical table, counted after those from the images.
CLINICAL_EXCLUSIONS = {
    "outcomes_unknown": "neither lymph-node status at pathology nor survival known",
    "mri_ln_unknown": "lymph-node reading on MRI missing",
    "clinical_unknown": "clinical variable of a model missing",
}
REASONS = EXCLUSIONS | CLINICAL_EXCLUSIONS
SURVIVAL_ONLY = "lymph-node status at pathology missing: in the survival analysis only"

IMAGE_COLUMNS = ("tumour_volume_ml", "scanner")  # from patient.json of the sample stage
CLINICAL_COLUMNS = (
    "age",
    "figo_stage",
    "histology",
    "grade",
    "scc_ag_ng_ml",
    "mri_ln_short_axis_mm",
    "mri_ln_positive",
)
MANIFEST_COLUMNS = ("patient", "center", *CLINICAL_COLUMNS, *IMAGE_COLUMNS, "samples")
# Of an excluded patient: why, and what a reading of the table could still say.
EXCLUDED_COLUMNS = ("patient", "center", "reason", *CLINICAL_COLUMNS)


@dataclass(frozen=True)
class Sampled:
    """What the sample stage left of one patient: its folder, its status, and ``IMAGE_COLUMNS``."""

    folder: str
    status: Status
    about: Mapping = field(default_factory=dict)


READING = ("mri_ln_positive", "mri_ln_short_axis_mm")


def reason(row: Mapping, status: Status, required: Sequence[str], clinical: Sequence[str]) -> str | None:
    """Why a patient is excluded: the first of ``REASONS`` that applies; None for an included patient.

    Only findings about the whole patient or a ``required`` sequence exclude, missing values of the ``clinical``
    variables that models use, and having no outcome at all.

    Raises:
        RuntimeError: a required sequence is not usable and no finding says why (a fault in an earlier stage).
    """
    concerned = [None, *required]
    codes = {finding.code for finding in status.findings if finding.excludes and finding.sequence in concerned}
    unexplained = [s for s in required if s not in status.usable]
    if unexplained and not codes:
        raise RuntimeError(f"patient '{status.patient}': {unexplained[0]} is not usable and no finding says why")
    if pd.isna(row["lnm"]) and not survival_known(row):
        codes.add("outcomes_unknown")
    unknown = {column for column in clinical if pd.isna(row[column])}
    if unknown & set(READING):
        codes.add("mri_ln_unknown")
    if unknown - set(READING):
        codes.add("clinical_unknown")
    return next((code for code in REASONS if code in codes), None)


def survival_known(row: Mapping) -> bool:
    """Whether time and event of the survival are both known."""
    return not (pd.isna(row["dfs_months"]) or pd.isna(row["dfs_event"]))


def build(
    table: pd.DataFrame,
    sampled: Mapping[str, Sampled],
    required: Sequence[str],
    mri_ln_positive_mm: float,
    clinical: Sequence[str] = ("mri_ln_positive",),
) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Return the manifest of the included patients, the list of the excluded, and the counts of the flow diagram.

    The tables have ``MANIFEST_COLUMNS`` and ``EXCLUDED_COLUMNS``, and no outcome. A patient whose node status at
    pathology is missing is included for the survival analysis if survival is known.

    ``table`` as ``cohort.table.read_table`` gives it; ``sampled`` holds exactly its patients. A node reading is
    positive from ``mri_ln_positive_mm`` on (published: 10 mm and more); without a size, the table's own
    ``mri_ln_positive`` holds. ``clinical`` are the variables that models use. The counts: ``in_table``, ``included``,
    ``survival_only`` (label, n, patients: those of the included without node status), ``excluded`` (code, label, n,
    patients; in the order of ``REASONS``, reasons without a patient left out) and ``notes`` (code, label, n patients of
    the table).
    """
    size = table["mri_ln_short_axis_mm"]
    by_size = (size >= mri_ln_positive_mm).astype("Int64").where(size.notna())
    table = table.assign(mri_ln_positive=by_size.fillna(table["mri_ln_positive"]))
    reasons = [reason(row, sampled[row["patient"]].status, required, clinical) for row in table.to_dict("records")]
    places = pd.Series(reasons, index=table.index, dtype=object)
    included = table[places.isna()].copy()
    included["samples"] = [sampled[patient].folder for patient in included["patient"]]
    for column in IMAGE_COLUMNS:
        included[column] = [sampled[patient].about.get(column) for patient in included["patient"]]
    survival_only = included["patient"][included["lnm"].isna()].tolist()
    excluded = []
    for code, label in REASONS.items():
        patients = table["patient"][places == code].tolist()
        if patients:
            excluded.append({"code": code, "label": label, "n": len(patients), "patients": patients})
    notes = Counter(code for one in sampled.values() for code in {f.code for f in one.status.findings})
    counts = {
        "in_table": len(table),
        "included": len(included),
        "survival_only": {"label": SURVIVAL_ONLY, "n": len(survival_only), "patients": survival_only},
        "excluded": excluded,
        "notes": [{"code": c, "label": label, "n": notes[c]} for c, label in NOTES.items() if notes[c]],
    }
    out = table.assign(reason=places)[places.notna()]
    return included[list(MANIFEST_COLUMNS)], out[list(EXCLUDED_COLUMNS)], counts


def folders_without_row(images: Path | None, table: pd.DataFrame) -> list[str]:
    """Names of the folders below the images root that no row of the table asks for; none without a root."""
    if images is None or not images.is_dir():
        return []
    return sorted({entry.name for entry in images.iterdir() if entry.is_dir()} - set(table["patient"]))
