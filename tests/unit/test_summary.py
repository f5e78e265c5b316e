"""What `make study` says at its end."""

import json

import pytest

from hscore.errors import UserError
from hscore.report import summary


def results(simulated: bool = True, **survival) -> dict:
    """The part of results.json that the summary reads."""
    auc = {"estimate": 0.9131, "low": 0.85, "high": 0.9604}
    ratio = {"estimate": 4.2, "low": 1.955, "high": 9.01}
    test = {"difference": 0.12, "low": 0.03, "high": 0.21, "p": 0.009, "method": "paired DeLong test"}
    added = {"n": 141, "events": 40, "rows": [{"estimate": 1.3, "low": 0.98, "high": 1.7, "p": 0.07}]}
    endpoint = {"name": "disease-free survival", "short": "DFS"}
    return {
        "study": {"name": "small", "simulated": simulated},
        "config": {"validate": {"confidence": 0.95}, "survive": {"confidence": 0.95, "endpoint": endpoint}},
        "models": [{"model": "hybrid", "label": "Hybrid"}, {"model": "clinical", "label": "Clinical"}],
        "primary": {
            "model": "hybrid",
            "against": "clinical",
            "evaluation": "external",
            "n": 141,
            "positives": 32,
            **test,
        },
        "performance": [
            {"model": "hybrid", "evaluation": "apparent", "auc": {"estimate": 1.0, "low": 1.0, "high": 1.0}},
            {"model": "clinical", "evaluation": "external", "auc": {"estimate": 0.5, "low": 0.4, "high": 0.6}},
            {"model": "hybrid", "evaluation": "external", "auc": auc},
        ],
        "survival": {
            "model": "hybrid",
            "cohorts": {"external": {"hazard_ratio": ratio, "beside_reading": added}, **survival},
        },
    }


def spoken(content: dict) -> str:
    return summary.summary(content).replace("\u00a0", " ")


def test_both_main_results_with_their_intervals_and_that_the_data_is_simulated():
    text = spoken(results())
    assert "small (simulated data, not clinical evidence)" in text
    assert "external AUC of the hybrid model 0.913 (95 % interval 0.850 to 0.960)" in text
    assert "hazard ratio 4.20 (95 % interval 1.96 to 9.01)" in text


def test_the_level_is_the_one_of_the_settings():
    content = results()
    content["config"]["validate"]["confidence"], content["config"]["survive"]["confidence"] = 0.9, 0.99
    text = spoken(content)
    assert "0.913 (90 % interval 0.850 to 0.960)" in text and "4.20 (99 % interval 1.96 to 9.01)" in text


def test_a_penalised_hazard_ratio_is_named():
    ratio = {"estimate": 9.2, "low": 1.4, "high": 99.0, "plain_why": "no events without high H score"}
    assert "hazard ratio (Cox with Firth's penalty) 9.20" in spoken(results(external={"hazard_ratio": ratio}))


def test_the_end_point_has_the_name_of_the_config():
    content = results()
    content["config"]["survive"]["endpoint"] = {"name": "overall survival", "short": "OS"}
    assert "; overall survival, high against low H score" in summary.summary(content)


def test_own_data_is_not_called_simulated():
    assert "simulated" not in spoken(results(simulated=False))


def test_what_cannot_be_estimated_says_why():
    text = spoken(results(external={"hazard_ratio": {"estimate": None, "why": "no event in the low group"}}))
    assert "hazard ratio not estimable: no event in the low group" in text


def test_a_study_without_external_centre_tells_of_development():
    content = results()
    content["performance"] = [{**row, "evaluation": "out_of_fold"} for row in content["performance"][2:]]
    content["survival"]["cohorts"] = {"development": content["survival"]["cohorts"]["external"]}
    text = spoken(content)
    assert "out-of-fold AUC of the hybrid model 0.913" in text
    assert "high against low H score, development: hazard ratio 4.20" in text


def test_a_study_without_any_result_says_why():
    text = spoken({**results(), "performance": [], "survival": {"model": "hybrid", "cohorts": {}}})
    assert text.count("not estimable: no development centre") == 2


@pytest.mark.parametrize("line", ["study: small", 'study: "small"  # the name', "study: 'small'", "study:\n  small"])
def test_the_study_is_found_by_its_config(tmp_path, line):
    config = tmp_path / "c.yaml"
    config.write_text(f"# study: other\ndata: simulated\n{line}\ntrain:\n  study: no\n")
    assert summary.results_file(config).as_posix() == "results/small/report/results.json"


def test_a_config_without_a_study_is_named(tmp_path):
    (tmp_path / "c.yaml").write_text("seed: 1\n")
    with pytest.raises(UserError, match="c.yaml has no key 'study'.* Add the line 'study: NAME'"):
        summary.results_file(tmp_path / "c.yaml")


def test_a_config_that_is_not_yaml_is_named(tmp_path):
    (tmp_path / "c.yaml").write_text("study: [small\n")
    with pytest.raises(UserError, match="c.yaml is not valid YAML: .*line 2"):
        summary.results_file(tmp_path / "c.yaml")


def test_the_program(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    unread = {"versions": {}, "flow": {}, "verdicts": []}
    (tmp_path / "c.yaml").write_text("study: small\n")
    (tmp_path / "results/small/report").mkdir(parents=True)
    (tmp_path / "results/small/report/results.json").write_text(json.dumps(results() | unread))
    summary.main(["--config", "c.yaml"])
    first, second, _, last = capsys.readouterr().out.splitlines()
    assert first.startswith(
        "Lymph-node metastasis: Does Hybrid add to Clinical? Adds: external AUC minus that of Clinical"
    )
    assert "0.120 (95 % interval 0.030 to 0.210), p = 0.009 (primary hypothesis, paired DeLong test" in first
    assert "add to the MRI reading? No evidence that it adds: hazard ratio per doubling of its odds" in second
    assert last == "report: results/small/report/report.html"
