"""Print the last lines of `make study`: path of the report and its main result."""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from hscore.contracts import results
from hscore.errors import UserError
from hscore.report import adds_to_reading, formatting


def main(argv: list[str] | None = None) -> None:
    """Print the summary of the study that a config file names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="config file of the study")
    try:
        path = results_file(parser.parse_args(argv).config)
        content = results.read(path)
        print("\n".join([*adds_to_reading.sentences(content), summary(content)]).replace("\u00a0", " "))
        print(f"report: {path.with_name('report.html')}")
    except UserError as error:
        sys.exit(f"error: {error}")


def results_file(config: Path) -> Path:
    """Return the path of the study's results.json, from the ``study`` key of its config file.

    Raises:
        UserError: the file is not YAML or has no such key.
    """
    try:
        content = yaml.safe_load(config.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{config} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict) or "study" not in content:
        raise UserError(f"{config} has no key 'study', so its results cannot be found. Add the line 'study: NAME'.")
    return Path("results") / str(content["study"]) / "report" / "results.json"


def summary(results: dict[str, Any]) -> str:
    """Return the main results with confidence intervals: AUC of the H score's model, hazard ratio of its groups.

    They are external, or out of fold in a study without an external centre.
    """
    survival = results["survival"]
    model = survival["model"]
    rows = {row["evaluation"]: row for row in results["performance"] if row["model"] == model}
    evaluation, cohort = ("external", "external") if "external" in rows else ("out_of_fold", "development")
    missing = {"estimate": None, "why": f"no {cohort} centre"}
    auc = rows.get(evaluation, {}).get("auc", missing)
    ratio = survival["cohorts"].get(cohort, {}).get("hazard_ratio", missing)
    config = results["config"]
    auc_text = formatting.estimate_at_level(auc, formatting.auc, config["validate"]["confidence"])
    ratio_text = formatting.estimate_at_level(ratio, formatting.ratio, config["survive"]["confidence"])
    endpoint = config["survive"]["endpoint"]["name"]
    penalized = " (Cox with Firth's penalty)" if ratio.get("plain_why") else ""
    kind = "simulated data, not clinical evidence" if results["study"]["simulated"] else "own data"
    return (
        f"{results['study']['name']} ({kind}): {evaluation.replace('_', '-')} AUC of the {model} model "
        f"{auc_text}; {endpoint}, high against low H score, {cohort}: hazard ratio{penalized} {ratio_text}"
    )


if __name__ == "__main__":
    main()
