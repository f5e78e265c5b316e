"""The status of one patient after a step: the usable sequences and all findings.

A finding is an expected imperfection of real data (a missing sequence, an unreadable file). It never crashes a job.
Each step writes it to ``status.json``, the next step carries it on, and the cohort stage counts it in the flow diagram.
Anything else is a bug and fails the job.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hscore.contracts import batch_record
from hscore.contracts.json_file import read_json
from hscore.files import write_json

FILE_NAME = "status.json"

# Label of each code in the flow diagram, in the order in which reasons are counted. A patient with several reasons is
# counted under the first.
EXCLUSIONS = {
    "no_images": "no image folder",
    "no_dicom": "no readable DICOM file",
    "wrong_patient": "images of another patient",
    "private_data": "files still identify the patient",
    "missing_sequence": "sequence missing",
    "unreadable_sequence": "sequence unreadable",
    "broken_geometry": "slices missing, repeated or unevenly spaced",
    "bad_diffusion": "diffusion b-values unknown or insufficient",
    "no_roi": "no region of interest",
    "unreadable_roi": "region of interest unreadable",
    "foreign_roi": "region of interest drawn on other images",
    "empty_roi": "region of interest empty",
    "roi_outside_image": "region of interest outside the sequence",
    "too_few_sections": "tumour on too few sections",
}

# Label of each code that is reported but excludes no patient.
NOTES = {
    "unreadable_file": "file could not be read and was skipped",
    "private_tags": "files still contain tags that identify the patient",
    "patient_twice": "same examination or images as another patient",
    "label_shortcut": "a header or the border of the images predicts the node status (qc/shortcuts.json)",
    "several_series": "several series matched; one was chosen",
    "several_examinations": "images of several examinations; one was used",
    "dynamic_series": "dynamic series; one phase was used",
    "assembled": "dcm2niix did not produce these volumes; they were assembled from the headers of the frames",
    "poor_adc_fit": "diffusion signal far from one exponential",
    "roi_rule": "region of interest chosen by a rule, or drawn parts left out",
    "roi_partly_outside": "part of the region of interest is outside the sequence",
}


class FindingError(Exception):
    """An imperfection that ends the work on a sequence or a patient; who catches it adds the finding to the status.

    Args:
        code: code of the finding.
        text: reason in words.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass
class Finding:
    """One named imperfection; ``sequence`` is None if it concerns the whole patient."""

    code: str
    text: str
    sequence: str | None = None

    def __post_init__(self) -> None:
        if self.code not in EXCLUSIONS and self.code not in NOTES:
            raise ValueError(f"'{self.code}' is not a known finding")

    @property
    def excludes(self) -> bool:
        """Whether the finding makes the sequence (or, without a sequence, the patient) unusable."""
        return self.code in EXCLUSIONS


@dataclass
class Status:
    """Status of one patient after one step; ``usable`` lists the sequences that the next step can read."""

    patient: str
    center: str
    step: str
    usable: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, code: str, text: str, sequence: str | None = None) -> None:
        """Record a finding. An excluding one removes its sequence, or all sequences, from ``usable``."""
        finding = Finding(code, text, sequence)
        self.findings.append(finding)
        if finding.excludes:
            self.usable = [] if sequence is None else [name for name in self.usable if name != sequence]

    def write(self, folder: Path) -> None:
        """Write ``status.json`` into a step's output folder."""
        write_json(folder / FILE_NAME, asdict(self))

    @classmethod
    def read(cls, folder: str | Path) -> "Status":
        """Read the ``status.json`` of a step's output folder.

        Raises:
            UserError: the file does not exist or is damaged.
        """
        folder = Path(folder)
        return read_json(folder / FILE_NAME, cls._parse, lambda: batch_record.record_of(folder))

    @classmethod
    def _parse(cls, content: dict[str, Any]) -> "Status":
        findings = [Finding(**finding) for finding in content["findings"]]
        return cls(**{**content, "findings": findings})

    def next(self, step: str) -> "Status":
        """Return the status that the next step starts from: same patient, usable sequences and findings."""
        return Status(self.patient, self.center, step, list(self.usable), list(self.findings))
