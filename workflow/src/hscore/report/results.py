"""Merge the outputs of the stages into results.json, the only source of every number of the report."""

import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hscore import __version__, environment
from hscore.contracts.status import NOTES
from hscore.errors import UserError
from hscore.model_spec import sequences_seen
from hscore.report.verdict import verdicts

PACKAGES = (
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "lifelines",
    "torch",
    "monai",
    "SimpleITK",
    "nibabel",
    "pydicom",
    "dcm2niix",
    "safetensors",
    "matplotlib",
    "jinja2",
)

# Path of the run's record inside the study's folder. It is written after results.json, because it contains its hash.
RUN_MANIFEST = "provenance/run_manifest.json"

# Keys of results.json that this module writes itself; a statistics file must not contain any of them.
OWN_KEYS = (
    "study",
    "config",
    "versions",
    "code_version",
    "models",
    "flow",
    "table1",
    "thresholds",
    "survival",
    "learning_curves",
    "explanation",
    "imaging",
    "cases",
)


def merge(
    *,
    study: str,
    data: str,
    config: Mapping[str, Any],
    flows: Sequence[Mapping[str, Any]],
    table1: Mapping[str, Any],
    thresholds: Mapping[str, Any],
    validation: Mapping[str, Any],
    survival: Mapping[str, Any],
    trained: Sequence[Mapping[str, Any]],
    published: Mapping[str, Any],
    same_patients: Sequence[Mapping[str, Any]] = (),
    histories: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    explanation: Mapping[str, Any] | None = None,
    shortcuts: Mapping[str, Mapping[str, Any]] | None = None,
    imaging: Mapping[str, Any] | None = None,
    cases: Mapping[str, Any] | None = None,
    truth: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the content of results.json.

    Args:
        study: name of the study.
        data: 'simulated' or 'own'.
        config: the resolved config.
        flows: flow.json of the centres, in the order of the centre table.
        table1: table1.json.
        thresholds: thresholds.json.
        validation: validation.json.
        survival: survival.json.
        trained: model.json of every trained model.
        published: content of resources/published.yaml.
        same_patients: groups of patients who seem to be one person; become notes in the flow.
        histories: rows of history.csv, by network model.
        explanation: saliency maps of a model.
        shortcuts: per centre, properties of the files that reveal the node status; become notes in the flow.
        imaging: protocol and quality of the centres' images.
        cases: all scores and the patients to show.
        truth: what was planted in a simulated study.

    Raises:
        UserError: ``data`` is unknown.
        ValueError: the validation file contains a key of this module.
    """
    if data not in ("simulated", "own"):
        raise UserError(f"data is '{data}', but must be 'simulated' or 'own'.")
    clash = sorted(set(OWN_KEYS) & set(validation))
    if clash:
        raise ValueError(f"validation.json must not contain {', '.join(clash)}")
    results = {
        "study": {
            "name": study,
            "data": data,
            "simulated": data == "simulated",
            "centers": centers(flows, config),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": config.get("seed"),
            "run_manifest": RUN_MANIFEST,
        },
        "config": dict(config),
        "versions": versions(),
        "code_version": code_version(),
        "models": models(config),
        "trained": [summary_of_model(content) for content in trained],
        "flow": {
            flow["center"]: with_shortcut(with_same_patients(flow, same_patients), shortcuts or {}) for flow in flows
        },
        "table1": dict(table1),
        "thresholds": dict(thresholds),
        **validation,
        "survival": dict(survival),
        "learning_curves": {name: learning_curve(rows) for name, rows in (histories or {}).items()},
        "explanation": dict(explanation) if explanation else None,
        "imaging": imaging,
        "cases": cases,
        "truth": truth,
        "published": dict(published),
    }
    results["verdicts"] = verdicts(results, published)
    return results


def with_same_patients(flow: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a centre's flow with a note on its patients who share an examination or images, if there are any."""
    patients = {(member["center"], member["patient"]) for group in groups for member in group["patients"]}
    count = sum(center == flow["center"] for center, _ in patients)
    note = {"code": "patient_twice", "label": NOTES["patient_twice"], "n": count}
    return {**flow, "notes": [*flow.get("notes", []), note]} if count else dict(flow)


def with_shortcut(flow: Mapping[str, Any], shortcuts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a centre's flow with a note where something in its files reveals the node status."""
    shortcut = shortcuts.get(flow["center"], {"flagged": []})
    if not shortcut["flagged"]:
        return dict(flow)
    note = {"code": "label_shortcut", "label": NOTES["label_shortcut"], "n": shortcut["n"]}
    return {**flow, "notes": [*flow.get("notes", []), note]}


def centers(flows: Sequence[Mapping[str, Any]], config: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the centres in the order of ``flows``, with full names where the resolved config lists the centres."""
    rows = config.get("centers")
    rows = rows if isinstance(rows, list) else []
    names = {row["center"]: row.get("name") for row in rows if isinstance(row, Mapping)}
    return [
        {"center": flow["center"], "name": names.get(flow["center"]) or flow["center"], "role": flow["role"]}
        for flow in flows
    ]


def models(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the configured models in config order, with every key present."""
    return [
        {
            "model": name,
            "label": spec.get("label", name),
            "sequences": sequences_seen(name, config["models"]),
            "region": spec.get("region"),
            "clinical": list(spec.get("clinical", [])),
        }
        for name, spec in config["models"].items()
    ]


CURVES = ("loss", "auc", "held_out_loss", "held_out_auc")


def learning_curve(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the points of each curve: epoch, and mean, lowest and highest over folds and seeds."""
    curves: dict[str, list[dict[str, Any]]] = {}
    for name in CURVES:
        values: dict[int, list[float]] = {}
        for row in rows:
            if row.get(name) is not None:
                values.setdefault(int(row["epoch"]), []).append(float(row[name]))
        curves[name] = [
            {"epoch": epoch, "mean": sum(losses) / len(losses), "low": min(losses), "high": max(losses)}
            for epoch, losses in sorted(values.items())
        ]
    return curves


def summary_of_model(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return model.json without long lists; names and plain values are enough for the report's settings."""
    return {key: value for key, value in content.items() if not isinstance(value, list) or len(value) <= 16}


def versions() -> dict[str, str]:
    """Return the versions that the numbers depend on; package versions are those pinned for the stages.

    This step itself may run where most packages are missing. Every step checks its own environment when it starts.
    """
    pinned = {name: version for stage in environment.STAGES for name, version in environment.pins(stage).items()}
    general = {"hscore": __version__, "python": platform.python_version(), "platform": platform.platform()}
    return general | {name: pinned[name.lower()] for name in PACKAGES}


def code_version() -> str | None:
    """Return ``git describe --always --dirty`` of the workflow's code, or None outside a git checkout."""
    git = shutil.which("git")
    if git is None:
        return None
    folder = Path(__file__).resolve().parent
    process = subprocess.run(
        [git, "-C", str(folder), "describe", "--always", "--dirty", "--tags"],
        capture_output=True,
        text=True,
        check=False,
    )
    return process.stdout.strip() or None if process.returncode == 0 else None
