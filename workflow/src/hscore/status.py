"""What a per-patient step says about its patient: which sequences are usable, and every finding.

A finding is an expected imperfection of real data (a missing sequence, an unreadable file). It never
crashes a job: each step writes it to ``status.json``, the next step carries it on, and the cohort stage
counts it in the flow diagram. Anything else is a bug and fails the job.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from hscore.files import read_json, write_json

FILE_NAME = "status.json"

# code -> label in the flow diagram, in the order in which reasons are counted: a patient with several is
# counted under the first.
EXCLUSIONS = {
    "no_images": "no image folder",
    "no_dicom": "no readable DICOM file",
    "wrong_patient": "images of another patient",
    "private_data": "files contain identifying data",
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

# code -> label; these are reported but exclude nobody.
NOTES = {
    "unreadable_file": "unreadable file skipped",
    "private_tags": "files contain identifying tags",
    "patient_twice": "same examination or images as another patient",
    "label_shortcut": "headers or image borders predict the node status (qc/shortcuts.json)",
    "several_series": "several series matched; one was chosen",
    "several_examinations": "images of several examinations; one was used",
    "dynamic_series": "dynamic series; one phase was used",
    "assembled": "volumes assembled from the frame headers, not by dcm2niix",
    "poor_adc_fit": "diffusion signal far from mono-exponential",
    "roi_rule": "region of interest chosen by a rule, or parts of it left out",
    "roi_partly_outside": "part of the region of interest is outside the sequence",
}


@dataclass
class Finding:
    """One named imperfection; ``sequence`` is None when it concerns the whole patient."""

    code: str
    text: str
    sequence: str | None = None

    def __post_init__(self) -> None:
        if self.code not in EXCLUSIONS and self.code not in NOTES:
            raise ValueError(f"'{self.code}' is not a known finding")

    @property
    def excludes(self) -> bool:
        """True when the sequence (or, without a sequence, the patient) cannot be used."""
        return self.code in EXCLUSIONS


@dataclass
class Status:
    """State of one patient after one step; ``usable`` lists the sequences the next step can read."""

    patient: str
    center: str
    step: str
    usable: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, code: str, text: str, sequence: str | None = None) -> None:
        """Record a finding; an excluding one takes its sequence (or all of them) out of ``usable``."""
        finding = Finding(code, text, sequence)
        self.findings.append(finding)
        if finding.excludes:
            self.usable = [] if sequence is None else [s for s in self.usable if s != sequence]

    def write(self, folder: Path) -> None:
        """Write ``status.json`` into a step's output folder."""
        write_json(folder / FILE_NAME, asdict(self))

    @classmethod
    def read(cls, folder: str | Path) -> "Status":
        """Read the ``status.json`` of a step's output folder."""
        content = read_json(Path(folder) / FILE_NAME)
        findings = [Finding(**finding) for finding in content.pop("findings")]
        return cls(findings=findings, **content)

    def next(self, step: str) -> "Status":
        """The status the next step starts from: same patient, same usable sequences, same findings."""
        return Status(self.patient, self.center, step, list(self.usable), list(self.findings))
