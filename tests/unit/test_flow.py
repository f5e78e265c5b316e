"""The flow diagram: every patient in exactly one place, under the first reason that applies."""

import random

import pandas as pd
import pytest

from hscore.cohort.flow import REASONS, Sampled, build, folders_without_row, reason
from hscore.contracts import manifest as contract
from hscore.contracts.status import EXCLUSIONS, NOTES, Status

SEQUENCES = ["CET1WI", "T2WI", "ADC"]
CLINICAL = ["mri_ln_positive"]


def patient(name, *findings, lnm=1, node=12.0, dfs=(20.0, 0)):
    """A table row and the sampled state of one patient."""
    status = Status(name, "north", "sample", list(SEQUENCES))
    for code, sequence in findings:
        status.add(code, "said why", sequence)
    row = {
        "patient": name, "center": "north", "age": 50.0, "figo_stage": "IB", "histology": "squamous", "grade": "G2",
        "scc_ag_ng_ml": 1.0, "mri_ln_short_axis_mm": node, "lnm": lnm, "dfs_months": dfs[0], "dfs_event": dfs[1],
    }  # fmt: skip
    return row, Sampled(f"samples/sub-{name}", status)


def flow(*patients, required=tuple(SEQUENCES)):
    table = pd.DataFrame([{"mri_ln_positive": pd.NA} | row for row, _ in patients])
    table = table.astype({"mri_ln_short_axis_mm": float, "mri_ln_positive": "Int64"})
    manifest, _, counts = build(table, {one.status.patient: one for _, one in patients}, required, 10)
    return manifest, counts


def test_first_reason_in_the_order_of_the_diagram_counts():
    several = patient("a", ("too_few_sections", "ADC"), ("missing_sequence", "T2WI"), lnm=None)
    assert reason(several[0], several[1].status, SEQUENCES, ["age"]) == "missing_sequence"
    assert list(REASONS)[-3:] == ["outcomes_unknown", "mri_ln_unknown", "clinical_unknown"]
    assert list(REASONS)[: len(EXCLUSIONS)] == list(EXCLUSIONS)


def test_only_required_sequences_and_the_whole_patient_exclude():
    row, sampled = patient("a", ("too_few_sections", "ADC"))
    assert reason(row, sampled.status, ["CET1WI", "T2WI"], ["age"]) is None
    assert reason(row, sampled.status, ["ADC"], ["age"]) == "too_few_sections"
    row, sampled = patient("a", ("no_roi", None))
    assert reason(row, sampled.status, ["CET1WI"], ["age"]) == "no_roi"


def test_a_patient_without_any_outcome_and_one_without_reading_are_excluded():
    status = patient("a")[1].status
    known = {"lnm": 0, "mri_ln_positive": 1, "age": 50.0, "dfs_months": 9.0, "dfs_event": 0}
    assert reason(known, status, [], ["mri_ln_positive", "age"]) is None
    assert reason(known | {"lnm": pd.NA}, status, [], CLINICAL) is None
    for unknown in ({"dfs_months": float("nan")}, {"dfs_event": pd.NA}):
        assert reason(known | {"lnm": pd.NA} | unknown, status, [], CLINICAL) == "outcomes_unknown"
        assert reason(known | unknown, status, [], CLINICAL) is None
    assert reason(known | {"mri_ln_positive": pd.NA}, status, [], CLINICAL) == "mri_ln_unknown"
    assert reason(known | {"age": float("nan")}, status, [], ["age"]) == "clinical_unknown"
    assert reason(known | {"age": float("nan")}, status, [], CLINICAL) is None


def test_a_reading_given_as_such_counts_where_there_is_no_size():
    rows = [patient("a", node=None), patient("b", node=4.0), patient("c", node=None), patient("d", node=12.0)]
    for (row, _), given in zip(rows, (1, 1, pd.NA, 0), strict=True):
        row["mri_ln_positive"] = given
    manifest, counts = flow(*rows)
    assert manifest["mri_ln_positive"].tolist() == [1, 0, 1]  # a as given; the size decides for b and d
    assert [(one["code"], one["patients"]) for one in counts["excluded"]] == [("mri_ln_unknown", ["c"])]


def test_the_excluded_are_listed_with_reason_and_reading_and_without_outcome():
    rows = [patient("a", ("no_roi", None)), patient("b"), patient("c", node=float("nan"))]
    table = pd.DataFrame([{"mri_ln_positive": pd.NA} | row for row, _ in rows]).astype({"mri_ln_positive": "Int64"})
    _, excluded, _ = build(table, {one.status.patient: one for _, one in rows}, SEQUENCES, 10)
    assert tuple(excluded.columns) == contract.EXCLUDED_COLUMNS
    assert not {"lnm", "dfs_months", "dfs_event"} & set(excluded.columns)
    assert excluded[["patient", "reason"]].to_numpy().tolist() == [["a", "no_roi"], ["c", "mri_ln_unknown"]]
    assert excluded["mri_ln_positive"].isna().tolist() == [False, True]


def test_missing_sequence_without_a_finding_is_a_fault_not_an_exclusion():
    row, sampled = patient("a")
    sampled.status.usable.remove("ADC")
    with pytest.raises(RuntimeError, match="ADC is not usable and no finding gives the reason"):
        reason(row, sampled.status, SEQUENCES, ["age"])


def test_node_is_positive_from_the_limit_on_and_the_manifest_holds_no_outcome():
    manifest, _ = flow(
        patient("a", node=9.999), patient("b", node=10.0), patient("c", node=10.5), patient("d", node=0.0)
    )
    assert manifest["mri_ln_positive"].tolist() == [0, 1, 1, 0]
    assert manifest["samples"].tolist()[0] == "samples/sub-a"
    assert tuple(manifest.columns) == contract.COLUMNS
    assert not {"lnm", "dfs_months", "dfs_event"} & set(manifest.columns)


def test_notes_are_counted_once_a_patient_and_exclude_nobody():
    noted = [("several_series", "ADC"), ("several_series", "T2WI"), ("unreadable_file", None)]
    _, counts = flow(patient("a", *noted), patient("b", ("several_series", "ADC")), patient("c"))
    assert counts["included"] == 3
    labels = {code: NOTES[code] for code in ("unreadable_file", "several_series")}
    assert counts["notes"] == [
        {"code": "unreadable_file", "label": labels["unreadable_file"], "n": 1},
        {"code": "several_series", "label": labels["several_series"], "n": 2},
    ]


def test_every_patient_is_in_exactly_one_place():
    """Random findings: the manifest and the reasons together are the table, and each reason is the right one."""
    rng = random.Random(4)
    patients = []
    for number in range(200):
        findings = [
            (rng.choice([*EXCLUSIONS, *NOTES]), rng.choice([None, *SEQUENCES])) for _ in range(rng.choice([0, 0, 1, 3]))
        ]
        lnm, node = rng.choice([0, 1, 1, pd.NA]), rng.choice([5.0, 12.0, float("nan")])
        dfs = (rng.choice([20.0, 20.0, float("nan")]), rng.choice([0, 1, pd.NA]))
        patients.append(patient(f"p{number}", *findings, lnm=lnm, node=node, dfs=dfs))
    required = ["CET1WI", "T2WI"]
    manifest, counts = flow(*patients, required=required)
    rows = {row["patient"]: row for row, _ in patients}
    only = [name for name in manifest["patient"] if pd.isna(rows[name]["lnm"])]
    assert only and counts["survival_only"]["patients"] == only and counts["survival_only"]["n"] == len(only)
    assert all(not pd.isna(rows[name]["dfs_months"]) and not pd.isna(rows[name]["dfs_event"]) for name in only)
    places = manifest["patient"].tolist() + [name for one in counts["excluded"] for name in one["patients"]]
    assert sorted(places) == sorted(row["patient"] for row, _ in patients)
    assert counts["in_table"] == 200 == counts["included"] + sum(one["n"] for one in counts["excluded"])
    assert [one["code"] for one in counts["excluded"]] == [
        code for code in REASONS if code in {one["code"] for one in counts["excluded"]}
    ]
    by_name = {row["patient"]: (row, one.status) for row, one in patients}
    for one in counts["excluded"]:
        earlier = list(REASONS)[: list(REASONS).index(one["code"])]
        for name in one["patients"]:
            status = by_name[name][1]
            codes = [f.code for f in status.findings if f.sequence in (None, *required)]
            assert not set(codes) & set(earlier)


def test_folders_without_a_row_are_named(tmp_path):
    for name in ("a", "stranger", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").touch()
    table = pd.DataFrame({"patient": ["a", "b"]})
    assert folders_without_row(tmp_path, table) == ["other", "stranger"]
    assert folders_without_row(None, table) == []
    assert folders_without_row(tmp_path / "none", table) == []
