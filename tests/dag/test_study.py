"""What a wrong config or table is answered with: one sentence a mistake, all of them at once."""

import json
import re

import pytest
import yaml

from hscore.dag.study import Study
from hscore.dag.targets import as_json
from hscore.errors import UserError
from workflow_runs import ROOT, snakemake

SCHEMAS = ROOT / "workflow" / "schemas"
JOINT = {"label": "Joint sequences", "sequences": ["CET1WI", "T2WI", "ADC"], "region": "peritumoral"}


def default_config() -> dict:
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["centers"] = str(ROOT / config["centers"])
    return config


def problems(config: dict) -> list[str]:
    """The sentences a config is refused with."""
    with pytest.raises(UserError) as error:
        Study(config, SCHEMAS)
    return str(error.value).splitlines()


def own_config(own_study) -> dict:
    return {**default_config(), "study": "own", "data": "own", "centers": str(own_study.folder / "centers.tsv")}


def test_default_config_is_valid():
    study = Study(default_config(), SCHEMAS)
    assert {center: len(patients) for center, patients in study.patients.items()} == {
        "sysucc": 218,
        "henan": 120,
        "yunnan": 141,
    }
    assert study.patients["henan"][0] == "henan-0001"


def test_own_config_is_valid(own_study):
    study = Study(own_config(own_study), SCHEMAS)
    assert study.patients["far"] == ["far1", "far2", "far3", "far4"]


def test_misspelled_keys_are_named_with_what_was_meant():
    config = default_config()
    config["train"]["epoch"] = 5
    config["studdy"] = "x"
    found = problems(config)
    assert "config: key 'train.epoch' is not known; did you mean 'epochs'?" in found
    assert "config: key 'studdy' is not known; did you mean 'study'?" in found


def test_values_out_of_range_and_missing_keys():
    config = default_config()
    config["split"]["folds"] = 1
    config["train"]["device"] = "tpu"
    del config["sample"]["size"]
    found = problems(config)
    assert any("'split.folds'" in line and "1" in line for line in found)
    assert any("'train.device'" in line and "'cpu', 'gpu'" in line for line in found)
    assert any("'sample'" in line and "'size' is a required property" in line for line in found)


def test_a_model_needs_a_sequence_that_every_patient_has():
    config = default_config()
    config["cohort"]["required_sequences"] = ["CET1WI"]
    first, second = problems(config)
    assert "model 't2wi_peritumoral' uses T2WI, which 'cohort.required_sequences' does not list" in first
    assert "model 'adc_peritumoral' uses ADC" in second
    config["models"]["t2wi_peritumoral"] = config["models"]["adc_peritumoral"] = None
    config["models"]["fused"] = config["models"]["fused_hybrid"] = None
    config["models"]["joint"] = JOINT
    assert Study(config, SCHEMAS).has_images  # this model does without the sequences that a patient lacks


def test_a_model_needs_to_know_how_its_sequence_is_read():
    config = default_config()
    del config["convert"]["sequences"]["ADC"], config["normalize"]["intensity"]["ADC"]
    config["cohort"]["required_sequences"] = ["CET1WI", "T2WI"]
    config["models"]["adc_peritumoral"] = config["models"]["fused"] = config["models"]["fused_hybrid"] = None
    config["models"]["joint"] = JOINT
    assert problems(config) == [
        "config: 'convert.sequences' has no entry for ADC; add one",
        "config: 'normalize.intensity' has no entry for ADC; add one",
    ]
    config["models"]["joint"] = None
    assert Study(config, SCHEMAS).has_images


def test_a_fusion_needs_its_models_and_no_fusion_among_them():
    config = default_config()
    config["models"]["late_hybrid"]["fuse"] = ["cet1wi_peritumorl", "hybrid"]
    config["models"]["later"] = {"label": "x", "fuse": ["late_hybrid"]}
    first, second = problems(config)
    assert first == (
        "config: model 'late_hybrid', fuse: there is no model 'cet1wi_peritumorl'; did you mean 'cet1wi_peritumoral'?"
    )
    assert second == "config: model 'later', fuse: 'late_hybrid' is itself a fusion"


def test_a_fusion_of_a_model_left_out_is_refused():
    config = default_config()
    config["models"]["adc_peritumoral"] = config["models"]["fused_hybrid"] = None
    assert problems(config) == [
        "config: model 'fused' fuses 'adc_peritumoral', which is left out (null); take it out of 'fuse', or leave out "
        "'fused' too"
    ]


def test_scores_of_several_sequences_cannot_be_aggregated():
    config = default_config()
    config["train"]["aggregation"] = "max"
    config["models"]["joint"] = JOINT
    (found,) = problems(config)
    assert "config: model 'joint' uses several sequences, whose features are pooled" in found
    config["models"]["joint"] = {**JOINT, "train": {"aggregation": "attention"}}
    study = Study(config, SCHEMAS)
    assert study.training("joint")["aggregation"] == "attention" and study.training("hybrid")["aggregation"] == "max"


def test_a_model_may_be_trained_differently():
    config = default_config()
    config["models"]["joint"] = {**JOINT, "train": {"epochs": 7, "network": {"dropout": 0.1}}}
    resnet = {"name": "monai:resnet18", "arguments": {"spatial_dims": 2}}
    config["models"]["hybrid"]["train"] = {"network": resnet}
    study = Study(config, SCHEMAS)
    default, joint, hybrid = (study.training(name) for name in ("clinical", "joint", "hybrid"))
    assert "seeds" not in default and default["threads"] == 1
    assert joint == {**default, "epochs": 7, "network": {**default["network"], "dropout": 0.1}}
    # of the default's network only what serves any network is kept
    kept = {key: default["network"][key] for key in ("head", "dropout", "joins", "trunk", "attention")}
    assert hybrid["network"] == {**kept, **resnet}
    config["models"]["hybrid"]["train"] = {"epoch": 3}
    assert "config: key 'models.hybrid.train.epoch' is not known; did you mean 'epochs'?" in problems(config)
    config["models"]["hybrid"]["train"] = {"seeds": 3}
    assert problems(config)


@pytest.mark.parametrize(
    "spec",
    [
        {"sequence": "ADC", "sequences": ["ADC", "T2WI"], "region": "tumour"},
        {"fuse": ["hybrid"], "sequence": "ADC", "region": "tumour"},
        {"sequences": ["ADC"], "region": "tumour"},
        {"sequences": ["ADC", "T2WI"]},
        {"reading": "mri_ln_positive", "fuse": ["hybrid"]},
    ],
)
def test_what_a_model_cannot_be(spec):
    config = default_config()
    config["models"]["x"] = {"label": "x", **spec}
    assert any("models.x" in line for line in problems(config))


READING = {"label": "Stage", "reading": "figo_stage", "positive": ["IIB", "III"]}


def without_images(own_study, **model) -> dict:
    config = own_config(own_study)
    config["models"] = {**dict.fromkeys(config["models"]), "stage": {**READING, **model}}
    config["validate"]["reference"] = config["survive"]["model"] = "stage"
    return config


def drop_images(own_study) -> None:
    path = own_study.folder / "centers.tsv"
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    path.write_text("\n".join("\t".join([*row[:3], row[4]]) for row in rows) + "\n")


def test_without_an_image_model_the_centres_need_no_images(own_study):
    drop_images(own_study)
    study = Study(without_images(own_study), SCHEMAS)
    assert not study.has_images and study.config["cohort"]["required_sequences"] == []
    assert study.clinical_columns == ["figo_stage"]
    found = problems(own_config(own_study))
    assert len(found) == 3 and all("column images: it is empty; give the folder" in line for line in found)


def test_a_reading_of_a_coded_column_says_what_is_positive(own_study):
    (line,) = problems(without_images(own_study, positive=["IIC"]))
    assert "config: model 'stage', positive: there is no figo_stage 'IIC'; " in line
    config = without_images(own_study)
    del config["models"]["stage"]["positive"]
    (line,) = problems(config)
    assert "'positive' must list what counts as positive of" in line


def test_a_reading_is_not_mixed_with_other_inputs(own_study):
    assert problems(without_images(own_study, clinical=["age"]))


def test_the_primary_hypothesis_is_about_two_models_of_the_config():
    config = default_config()
    config["validate"]["primary"] = {"model": "hybrd", "against": "clinical"}
    (line,) = problems(config)
    assert line == "config: 'validate.primary.model': there is no model 'hybrd'; did you mean 'hybrid'?"
    config["validate"]["primary"] = {"model": "hybrid", "against": "hybrid"}
    (line,) = problems(config)
    assert "'validate.primary' compares 'hybrid' with itself" in line


def test_a_model_of_the_primary_hypothesis_may_be_left_out():
    config = default_config()
    config["models"]["clinical"] = None
    assert "clinical" not in Study(config, SCHEMAS).config["models"]


def test_a_covariate_must_be_a_column():
    config = default_config()
    config["survive"]["adjust_for"] = ["figo_stag"]
    (line,) = problems(config)
    assert line == "config: 'survive.adjust_for': no column 'figo_stag'; did you mean 'figo_stage'?"


def test_a_competing_event_excludes_the_counted_one(own_study):
    header, *rows = own_study.table("north").read_text().splitlines()
    changed = [f"{header},competing_event", f"{rows[0][:-1]}1,1", *(f"{row}," for row in rows[1:])]
    own_study.table("north").write_text("\n".join(changed) + "\n")
    (line,) = problems(own_config(own_study))
    assert "row 1, column competing_event: '1' is not valid; dfs_event must then be 0" in line


def test_every_mistake_of_the_clinical_tables_is_reported_at_once(own_study):
    own_study.edit("north", "north1,north,51,IB1", "north1,north,51,IB9")
    own_study.edit("north", "north2,north", "north1,north")
    own_study.edit("south", "24.5,0", "-3,0")
    own_study.edit("south", "south1,south,51", "south1,south,old")
    own_study.edit("far", "21.5,0", ",0")
    own_study.edit("far", "far2,far,", "far2,south,")
    found = problems(own_config(own_study))
    tables = {center: str(own_study.table(center)) for center in ("north", "south", "far")}
    expected = [
        (f"{tables['north']}, row 1, column figo_stage: 'IB9' is not valid; did you mean 'IB", ""),
        (f"{tables['north']}, row 2, column patient: 'north1'", f"already listed in {tables['north']}, row 1"),
        (f"{tables['south']}, row 4, column dfs_months: '-3' is not valid", "0 or more"),
        (f"{tables['south']}, row 1, column age: 'old' is not valid", "0 to 120"),
        (f"{tables['far']}, row 1, column dfs_months: it is empty", "give both or neither"),
        (f"{tables['far']}, row 2, column center: 'south' is not valid", "table of 'far'"),
    ]
    assert len(found) == len(expected)
    for start, end in expected:
        assert any(line.startswith(start) and end in line for line in found), (start, found)


def test_rows_are_numbered_as_in_the_file(own_study):
    """Rows without a value count, too, in the table of a centre and in that of the centres."""
    own_study.edit("north", "north2,north", "\n,,,,,,,,,,\nnorth1,north")
    own_study.edit("north", "north3,north,53", "north3,north,old")
    found = problems(own_config(own_study))
    north = own_study.table("north")
    assert len(found) == 2
    assert (
        f"{north}, row 4, column patient: 'north1' is not valid; the patient is already listed in {north}, row 1"
        in found
    )
    assert any(line.startswith(f"{north}, row 5, column age: 'old'") for line in found)
    centers = own_study.folder / "centers.tsv"
    centers.write_text(centers.read_text().replace("far\tFar\texternal", "\n\t\t\t\nnorth\tFar\texternal"))
    assert f"{centers}, row 5, column center: 'north' occurs twice" in problems(own_config(own_study))


def test_a_patient_of_two_centres_is_reported(own_study):
    own_study.edit("far", "far3,far", "south3,far")
    (line,) = problems(own_config(own_study))
    assert "'south3'" in line and "already listed in" in line and "south.csv, row 3" in line


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("dfs_event", "dfs_evnt", "column 'dfs_event' is missing; is 'dfs_evnt' meant?"),
        ("north4,north,54,IB1,SCC,G2,1.4,4.5,0,24.5,0", "north4,north,54", "row 4: 3 cells where the header has 11"),
        ("north4,north", ",north", "row 4, column patient: it is empty; give"),
        ("north4,north", "no/rth,north", "row 4, column patient: 'no/rth' is not valid"),
        ("24.5,0", "inf,0", "row 4, column dfs_months: 'inf' is not valid"),
        ("24.5,0", "2_4.5,0", "row 4, column dfs_months: '2_4.5' is not valid"),
        ("24.5,0", "\uff12\uff14,0", "row 4, column dfs_months: '\uff12\uff14' is not valid"),
        ("SCC,G2,1.4", 'SCC,"G2,1.4', "cannot be read (unexpected end of data)"),
        ("dfs_event\n", "dfs_event,competing_events\n", "'competing_events' is not known; write 'competing_event'"),
        ("dfs_event\n", "dfs_event,Competing Event\n", "'Competing Event' is not known; write 'competing_event'"),
        ("dfs_event\n", "dfs_event,mri_ln_postive\n", "'mri_ln_postive' is not known; write 'mri_ln_positive'"),
    ],
)
def test_broken_tables(own_study, old, new, sentence):
    own_study.edit("north", old, new)
    assert any(sentence in line for line in problems(own_config(own_study)))


def test_tables_that_cannot_be_read(own_study):
    own_study.table("north").write_bytes("patient,center\n病人,north\n".encode("gb18030"))
    own_study.table("south").unlink()
    own_study.table("far").write_text("")
    found = problems(own_config(own_study))
    assert any("north.csv" in line and "not UTF-8" in line for line in found)
    assert any("south.csv: the file does not exist" in line for line in found)
    assert any("far.csv: the file is empty" in line for line in found)


def test_centres_table_mistakes(own_study):
    centers = own_study.folder / "centers.tsv"
    text = centers.read_text()
    centers.write_text(text.replace("far\tFar\texternal", "north\tFar\tdevelopment"))
    found = problems(own_config(own_study))
    assert any("row 3, column center: 'north' occurs twice" in line for line in found)
    centers.write_text(text.replace("\texternal\t", "\textern\t").replace("images/south", "images/nowhere"))
    found = problems(own_config(own_study))
    assert any("row 3, column role: 'extern' is not valid" in line for line in found)
    assert any("row 2, column images: there is no folder" in line for line in found)


def test_a_study_needs_no_external_centre(own_study):
    own_study.keep("development")
    assert list(Study(own_config(own_study), SCHEMAS).centers) == ["north", "south"]


def test_without_a_development_centre_everything_must_be_fixed_beforehand(own_study):
    own_study.keep("external")
    config = own_config(own_study)
    config["survive"]["groups"] = "median"
    found = problems(config)
    for name in config["models"]:
        assert any(f"but model '{name}' must be trained; give one that role, or" in line for line in found)
    assert any("set 'validate.threshold' to {value: 0.5}" in line for line in found)
    assert any("set 'survive.groups' to 'threshold'" in line for line in found)
    config = without_images(own_study)
    config["validate"]["threshold"] = {"value": 0.5}
    assert list(Study(config, SCHEMAS).centers) == ["far"]


def test_an_empty_centres_table_is_named(own_study):
    path = own_study.folder / "centers.tsv"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    (line,) = problems(own_config(own_study))
    assert line.endswith("centers.tsv: the table contains no centre")


def frozen_config(own_study, **changes) -> dict:
    """The config of a study of the external centre alone, with the models of a finished study beside it."""
    own_study.keep("external")
    own_study.finish(**changes)
    return {**own_config(own_study), "frozen": str(own_study.finished)}


def test_models_of_a_finished_study_can_be_tested_elsewhere(own_study):
    study = Study(frozen_config(own_study, train={"seeds": 2}), SCHEMAS)
    assert study.seed_groups == {"1": [1], "2": [2]}  # those that were trained


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c.update(frozen="results/nowhere"), "results/nowhere/report/results.json is missing"),
        (lambda c: c.update(frozen="results/own"), "'frozen' is this study's own results folder"),
        (lambda c: c["models"].update(stage=READING), "the frozen study has no model 'stage'"),
        (lambda c: c["models"]["hybrid"].update(clinical=["age"]), "'models.hybrid' is not the model of that name"),
        (lambda c: c["models"].update(new={**c["models"]["hybrid"]}), "the frozen study has no model 'new'"),
        (lambda c: c["sample"].update(stride=2), "'sample' differs from that of the frozen study"),
        (lambda c: c["cohort"].update(mri_ln_positive_mm=8), "'cohort.mri_ln_positive_mm' differs"),
    ],
)
def test_a_frozen_study_must_be_finished_and_the_same(own_study, change, sentence):
    config = frozen_config(own_study)
    change(config)
    (line,) = problems(config)
    assert sentence in line


def test_a_label_may_differ_from_that_of_the_frozen_study(own_study):
    config = frozen_config(own_study)
    config["models"]["hybrid"]["label"] = "Another name"
    Study(config, SCHEMAS)


def test_a_missing_model_folder_of_a_frozen_study_is_named(own_study):
    config = frozen_config(own_study)
    (own_study.finished / "models/hybrid/seed-1").rmdir()
    (line,) = problems(config)
    assert "the model folder" in line and "models/hybrid/seed-1 is missing" in line


def test_a_frozen_study_has_no_development_centre(own_study):
    config = frozen_config(own_study)
    path = own_study.folder / "centers.tsv"
    path.write_text(path.read_text().replace("\texternal\t", "\tdevelopment\t"))
    (line,) = problems(config)
    assert "centre 'far' has the role 'development'; the models of the key 'frozen' are tested unchanged" in line


def test_digests_follow_what_a_job_uses(own_study):
    def digests() -> dict[str, str]:
        study = Study(own_config(own_study), SCHEMAS)
        return {purpose: study.rows_digest("north", purpose) for purpose in ("cohort", "lnm", "dfs")}

    def changed(old: str, new: str) -> set[str]:
        before = digests()
        own_study.edit("north", old, new)
        after = digests()
        return {purpose for purpose in before if before[purpose] != after[purpose]}

    assert changed("21.5,0", "33,0") == {"dfs"}
    assert changed("1,33,0", "0,33,0") == {"lnm"}
    assert changed("0,33,0", ",33,0") == {
        "lnm",
        "cohort",
    }  # the reference standard is now unknown: who is in may change
    assert changed(",33,0", ",34,0") == {"dfs"}
    assert changed(",34,0", ",,") == {"dfs", "cohort"}  # no outcome is known any more
    assert changed("north1,north,51", "north1,north,60") == {"cohort"}


def test_image_digest_sees_files_come_and_go_but_not_their_times(own_study):
    def digest() -> str:
        return Study(own_config(own_study), SCHEMAS).images_digest("north", "north1")

    first = digest()
    image = own_study.folder / "images/north/north1/1.dcm"
    image.touch()
    assert digest() == first
    (image.parent / "deeper").mkdir()
    (image.parent / "deeper" / "2.dcm").write_bytes(b"x")
    assert digest() != first


def test_snakemake_shows_the_sentences_without_a_traceback(own_study):
    own_study.configure(trian={"epochs": 3})
    done = snakemake(own_study.folder, "-n", *own_study.arguments, check=False)
    shown = done.stdout + done.stderr
    assert done.returncode != 0
    assert "config: key 'trian' is not known; did you mean 'train'?" in shown
    assert "Traceback" not in shown


def test_braces_in_texts_of_the_config_do_not_become_wildcards():
    """A regular expression such as ``x{1,2}`` in a parameter of a rule."""
    value = {"a{1}": 'x{1,2}\\{"', "b": {"c": [1, "{patient}"]}}
    text = as_json(value)
    assert json.loads(text) == value
    assert not re.findall(r"{[^{}\"]*}", text)
