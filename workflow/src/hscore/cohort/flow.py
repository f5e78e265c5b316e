"""Include or exclude every patient of a clinical table, each in exactly one place of the flow diagram."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from hscore.contracts import manifest
from hscore.contracts.status import EXCLUSIONS, NOTES, Status

# Reasons from the clinical table, which rank after those from the images.
CLINICAL_EXCLUSIONS = {
    "outcomes_unknown": "neither lymph-node status at pathology nor survival known",
    "mri_ln_unknown": "lymph-node reading on MRI missing",
    "clinical_unknown": "clinical variable of a model missing",
}
REASONS = EXCLUSIONS | CLINICAL_EXCLUSIONS
SURVIVAL_ONLY = "lymph-node status at pathology missing: in the survival analysis only"


@dataclass(frozen=True)
class Sampled:
    """The output of the sample stage for one patient: its folder, its status, and ``manifest.IMAGING``."""

    folder: str
    status: Status
    about: Mapping = field(default_factory=dict)


READING = (manifest.READING, "mri_ln_short_axis_mm")


def reason(row: Mapping, status: Status, required: Sequence[str], clinical: Sequence[str]) -> str | None:
    """Return the first of ``REASONS`` that excludes a patient, or None for an included patient.

    Three things exclude: findings about the whole patient or a required sequence, missing clinical variables, and no
    known outcome.

    Args:
        row: the patient's row of the clinical table.
        status: status after the sample stage.
        required: sequences that the models need.
        clinical: clinical variables that the models use.

    Raises:
        RuntimeError: a required sequence is not usable and no finding gives the reason (a bug in an earlier stage).
    """
    concerned = [None, *required]
    codes = {finding.code for finding in status.findings if finding.excludes and finding.sequence in concerned}
    unexplained = [sequence for sequence in required if sequence not in status.usable]
    if unexplained and not codes:
        raise RuntimeError(
            f"patient '{status.patient}': {unexplained[0]} is not usable and no finding gives the reason"
        )
    if pd.isna(row["lnm"]) and not survival_known(row):
        codes.add("outcomes_unknown")
    unknown = {column for column in clinical if pd.isna(row[column])}
    if unknown & set(READING):
        codes.add("mri_ln_unknown")
    if unknown - set(READING):
        codes.add("clinical_unknown")
    return next((code for code in REASONS if code in codes), None)


def survival_known(row: Mapping) -> bool:
    """Return whether disease-free survival time and event are both known."""
    return not (pd.isna(row["dfs_months"]) or pd.isna(row["dfs_event"]))


def build(
    table: pd.DataFrame,
    sampled: Mapping[str, Sampled],
    required: Sequence[str],
    mri_ln_positive_mm: float,
    clinical: Sequence[str] = ("mri_ln_positive",),
) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Return the manifest of the included patients, the list of the excluded ones, and the counts of the flow diagram.

    A patient whose node status at pathology is missing is included for the survival analysis if survival is known.

    Args:
        table: clinical table as ``cohort.table.read_table`` returns it.
        sampled: output of the sample stage, for exactly the patients of the table.
        required: sequences that the models need.
        mri_ln_positive_mm: smallest short axis (mm) of a positive node reading (published: 10 mm). Without a size, the
            table's own ``mri_ln_positive`` is used.
        clinical: clinical variables that the models use.

    Returns:
        The included patients with ``manifest.COLUMNS``, the excluded ones with ``manifest.EXCLUDED_COLUMNS``, both
        without outcomes, and the counts: ``in_table``, ``included``, ``survival_only`` (label, n, patients: the
        included without node status), ``excluded`` (code, label, n, patients; in the order of ``REASONS``, only reasons
        with a patient) and ``notes`` (code, label, n patients of the table).
    """
    size = table["mri_ln_short_axis_mm"]
    by_size = (size >= mri_ln_positive_mm).astype("Int64").where(size.notna())
    table = table.assign(mri_ln_positive=by_size.fillna(table["mri_ln_positive"]))
    reasons = [reason(row, sampled[row["patient"]].status, required, clinical) for row in table.to_dict("records")]
    places = pd.Series(reasons, index=table.index, dtype=object)
    included = table[places.isna()].copy()
    included["samples"] = [sampled[patient].folder for patient in included["patient"]]
    for column in manifest.IMAGING:
        included[column] = [sampled[patient].about.get(column) for patient in included["patient"]]
    survival_only = included["patient"][included["lnm"].isna()].tolist()
    excluded = []
    for code, label in REASONS.items():
        patients = table["patient"][places == code].tolist()
        if patients:
            excluded.append({"code": code, "label": label, "n": len(patients), "patients": patients})
    notes = Counter(code for sample in sampled.values() for code in {f.code for f in sample.status.findings})
    counts = {
        "in_table": len(table),
        "included": len(included),
        "survival_only": {"label": SURVIVAL_ONLY, "n": len(survival_only), "patients": survival_only},
        "excluded": excluded,
        "notes": [{"code": c, "label": label, "n": notes[c]} for c, label in NOTES.items() if notes[c]],
    }
    out = table.assign(reason=places)[places.notna()]
    return included[list(manifest.COLUMNS)], out[list(manifest.EXCLUDED_COLUMNS)], counts


def folders_without_row(images: Path | None, table: pd.DataFrame) -> list[str]:
    """Return the names of the folders in the images root that match no row of the table; none without a root."""
    if images is None or not images.is_dir():
        return []
    return sorted({entry.name for entry in images.iterdir() if entry.is_dir()} - set(table["patient"]))
