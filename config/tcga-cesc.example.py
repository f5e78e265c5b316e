"""Convert the open clinical table of TCGA-CESC to the columns of this project, for tcga-cesc.example.yaml.

    python config/tcga-cesc.example.py DEPOSITED.csv data/tcga_cesc/clinical.csv --endpoint PFI

DEPOSITED.csv is the table of Broad GDAC (2015-11-01) with the end points of Liu et al., Cell 2018;173:400-416, one row
per patient, with the text as deposited. A patient is node-positive if at least one positive node was counted
(ln_positive_he > 0). The node call is that on CT. Survival is the selected end point, in months of 365 / 12 days. In
the progression-free interval (PFI), a death without progression is a competing event. Missing values are empty cells.
"""

import argparse
import csv
from pathlib import Path

CENTER = "tcga"
COLUMNS = (
    *("patient", "center", "age", "figo_stage", "histology", "grade", "scc_ag_ng_ml", "mri_ln_short_axis_mm"),
    *("mri_ln_positive", "lnm", "dfs_months", "dfs_event", "competing_event"),
)
ENDPOINTS = ("PFI", "DFI", "DSS", "OS")
NODE_CALL = {"absent": 0, "present": 1, "": ""}
DAYS_PER_MONTH = 365 / 12


def row(deposited: dict, endpoint: str, center: str) -> dict:
    """Return the row of one patient."""
    time, event = deposited[f"{endpoint}.time"], deposited[endpoint]
    known, nodes = time != "" and event != "", deposited["ln_positive_he"]
    died_otherwise = endpoint == "PFI" and event == "0" and deposited["OS"] == "1"
    return {
        "patient": deposited["patient"],
        "center": center,
        "age": deposited["age"],
        "figo_stage": deposited["figo_stage"],
        "histology": deposited["histology"],
        "grade": deposited["grade"],
        "mri_ln_positive": NODE_CALL[deposited["ct_pelvic_nodes"]],
        "lnm": "" if nodes == "" else int(float(nodes) > 0),
        "dfs_months": repr(float(time) / DAYS_PER_MONTH) if known else "",
        "dfs_event": event if known else "",
        "competing_event": int(died_otherwise) if known else "",
    }


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deposited", type=Path, help="the deposited table (CSV)")
    parser.add_argument("output", type=Path, help="the clinical table to write (CSV)")
    parser.add_argument("--endpoint", choices=ENDPOINTS, default="PFI", help="survival end point")
    parser.add_argument("--sites", nargs="*", help="tissue source sites to keep (default: all)")
    parser.add_argument("--center", default=CENTER, help="name of the centre in the centres table")
    arguments = parser.parse_args()
    with arguments.deposited.open(newline="", encoding="utf-8") as file:
        patients = [
            patient for patient in csv.DictReader(file) if not arguments.sites or patient["center"] in arguments.sites
        ]
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with arguments.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(row(patient, arguments.endpoint, arguments.center) for patient in patients)


if __name__ == "__main__":
    main()
