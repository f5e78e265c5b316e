"""The patients of an evaluation: their characteristics, and those without node status or without a score."""

import numpy as np
import pandas as pd
import pytest

from hscore.errors import UserError
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import evaluated_patients
from hscore.statistics.diagnosis.intention_to_diagnose import report, report_all

NODES = pd.Series([1, np.nan, 0, 0], ["c", "a", "b", "d"])
SETTINGS = {"proportion_interval": "wilson", "confidence": 0.95}


@pytest.fixture
def tables(tmp_path):
    """One centre: four included patients, two excluded ones, of whom one has no node status."""
    texts = {
        "manifest": "patient,center,age,mri_ln_positive,grade\na,x,50,0,1\nb,x,60,0,2\nc,x,70,1,3\nd,x,80,0,3\n",
        "excluded": "patient,center,mri_ln_positive\ny,x,1\nz,x,0\n",
        "excluded_lnm": "patient,lnm\ny,1\nz,\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return {name: [tmp_path / f"{name}.csv"] for name in texts}


def test_characteristics_follow_the_order_of_the_nodes_and_leave_out_the_unknown(tables):
    found = evaluated_patients.read(NODES, tables["manifest"], tables["excluded"], tables["excluded_lnm"])
    assert found.characteristics.index.tolist() == ["c", "b", "d"] and found.without_reference == 1
    assert found.characteristics["mri_ln_positive"].tolist() == ["1", "0", "0"]
    assert set(found.characteristics) <= set(evaluated_patients.COLUMNS)
    assert found.excluded["lnm"].tolist()[0] == 1 and np.isnan(found.excluded["lnm"].tolist()[1])


def test_without_tables_nothing_is_known(tables):
    found = evaluated_patients.read(NODES, [], [], [])
    assert found == evaluated_patients.EvaluatedPatients(None, 0, None)


def test_a_patient_who_is_in_no_manifest_is_refused(tables):
    nodes = pd.concat([NODES, pd.Series([1], ["stranger"])])
    with pytest.raises(UserError, match="has no row for patient 'stranger'"):
        evaluated_patients.read(nodes, tables["manifest"], [], [])


def test_intention_to_diagnose_covers_the_evaluations_whose_excluded_patients_are_known(tables):
    known = evaluated_patients.read(NODES, tables["manifest"], tables["excluded"], tables["excluded_lnm"])
    unknown = evaluated_patients.read(NODES, tables["manifest"], [], [])
    cohort = ScoredCohort(np.array([True, False, False]), {"m": np.array([0.9, 0.2, 0.6])})
    evaluations = {"external": cohort, "out_of_fold": cohort, "apparent": cohort}
    frozen, tests = {"m": {"value": 0.5}}, {"m": None}
    rows = report_all(evaluations, {"external": known, "out_of_fold": unknown}, tests, frozen, SETTINGS)
    assert rows == report("external", cohort, known.characteristics, known.excluded, 1, tests, frozen, SETTINGS)
    assert {row["without_reference"] for row in rows} == {2}  # one included, one excluded
