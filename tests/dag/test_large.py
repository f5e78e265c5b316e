"""A centre of more batches than a command line holds, through the rules that take the record of each of them."""

import csv
import json
import re

from hscore import batch
from hscore.contracts import batch_record, sample_folder
from hscore.contracts.status import FILE_NAME, Status
from hscore.dag.batches import batches
from workflow_runs import ROOT, snakemake

PATIENTS = 12_000
LONG = "-".join(["a-study-whose-name-is-as-long-as-names-get"] * 5)  # 8,192 such paths: 2.2 MB, more than Linux takes


def test_twelve_thousand_patients_of_one_centre(own_study):
    header, first, *_ = own_study.table("north").read_text().splitlines()
    names = [f"north-{number:06d}-{'x' * 80}" for number in range(PATIENTS)]
    rows = [first.replace("north1", name) for name in names]
    own_study.table("north").write_text("\n".join([header, *rows]) + "\n")
    own_study.configure(study=LONG, patients_per_job=1)
    samples = own_study.folder / "results" / LONG / "samples/north"
    for name in names:
        (samples / f"sub-{name}").mkdir(parents=True)
        status = {**vars(Status(name, "north", "sample", ["CET1WI", "T2WI", "ADC"]))}
        (samples / f"sub-{name}" / FILE_NAME).write_text(json.dumps(status))
        sample_folder.write(samples / f"sub-{name}", {}, {})
    for name, patients in batches(names, 1).items():
        record = samples / f"batches/{name}.json"
        batch_record.write(record, batch.folders(record, patients))
    cohort = f"results/{LONG}/cohort/north"
    rule = ["--allowed-rules", "build_cohort", "--cores", "1"]
    snakemake(own_study.folder, f"{cohort}/manifest.csv", *own_study.arguments, *rule)
    with (own_study.folder / cohort / "manifest.csv").open(newline="") as file:
        assert [row["patient"] for row in csv.DictReader(file)] == names
    assert json.loads((own_study.folder / cohort / "flow.json").read_text())["included"] == PATIENTS


def test_no_rule_names_every_batch_on_its_command_line():
    """Inputs that have an entry a batch reach their step through a file."""
    per_batch = {"samples": 2, "nifti": 3, "quality": 4, "image_truth": 1}
    text = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    for name in per_batch:
        whole_lists = re.findall(rf"^        {name}=targets\.per_batch.*$", text, re.M)
        assert len(whole_lists) == per_batch[name]
        assert text.count(f"@<(printf '%s\\\\n' {{input.{name}:q}})") == per_batch[name]
