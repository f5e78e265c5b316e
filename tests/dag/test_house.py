"""Check import rules and generated files."""

import ast
import sys
from pathlib import Path

import pytest

from hscore.dag import reference
from workflow_runs import ROOT, snakemake

PACKAGE = ROOT / "workflow/src/hscore"
ROOMS = {"imaging", "cohort", "learning", "statistics", "simulation", "report", "provenance", "recovery"}
# Besides themselves and what all share (contracts, files, errors), rooms may use these.
NEIGHBORS = {
    "report": {"statistics"},
    "provenance": {"report"},
    "recovery": {"simulation", "statistics", "imaging"},
    "dag": {"report"},
    "steps": ROOMS,
}
DAG_MAY_IMPORT = {"yaml", "jsonschema", "snakemake", "hscore"}


def imported(path: Path) -> set[str]:
    """Dotted names a file imports, at the top or inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_import_only_what_their_room_may(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    names = imported(path)
    rooms = {name.split(".")[1] for name in names if name.startswith("hscore.")} & (ROOMS | {"dag", "steps"})
    assert rooms <= {room} | NEIGHBORS.get(room, set())
    outside = {name.split(".")[0] for name in names}
    if room != "learning":
        assert not outside & {"torch", "monai"}
    if room in ROOMS | {"steps"}:
        assert "snakemake" not in outside


@pytest.mark.parametrize("package", ["contracts", "metrics"])
def test_shared_packages_import_no_room(package):
    allowed = {"hscore.errors", "hscore.files", "hscore.numerals", f"hscore.{package}"}
    for path in (PACKAGE / package).glob("*.py"):
        own = {name for name in imported(path) if name.startswith("hscore.")}
        assert all(any(f"{name}.".startswith(f"{one}.") for one in allowed) for name in own), path


# Tables of people (all mistakes at once) and the contracts, which share one reader and one writer.
PARSES = {"dag/input_tables.py": {"csv"}, "contracts/delimited.py": {"csv"}, "contracts/tables.py": {"to_csv"}}


def test_only_the_contracts_parse_and_write_tables():
    for path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        methods = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        used = methods & {"read_csv", "read_table", "to_csv", "to_numeric"} | imported(path) & {"csv"}
        assert used <= PARSES.get(path.relative_to(PACKAGE).as_posix(), set()), path


# Files that stay within the evaluation of simulated studies, and those that are compared as any JSON.
READS_JSON = {
    *("steps/monte_carlo_batch.py", "steps/summarize_monte_carlo.py", "steps/compare_with_truth.py"),
    *("recovery/verdicts.py", "provenance/verify.py"),
}


def test_only_the_contracts_read_json_of_other_stages():
    for path in modules():
        if "hscore.files.read_json" in imported(path):
            assert path.relative_to(PACKAGE).as_posix() in READS_JSON, path


def test_what_runs_at_every_snakemake_call_is_light():
    for path in [*(PACKAGE / "dag").glob("*.py"), PACKAGE / "report/registry.py"]:
        outside = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names)
        assert outside <= DAG_MAY_IMPORT, f"{path.name} imports {outside - DAG_MAY_IMPORT}"


def test_of_the_report_the_dag_imports_only_the_registry():
    names = set().union(*(imported(path) for path in (PACKAGE / "dag").glob("*.py")))
    assert {name for name in names if name.startswith("hscore.report.")} == {"hscore.report.registry"}


def test_config_reference_is_current(capsys):
    reference.main(["--check"])


def test_config_reference_check_notices_a_change(monkeypatch, tmp_path):
    page = tmp_path / "README.md"
    page.write_text(reference.PAGE.read_text().replace("| `study` |", "| `studio` |"))
    monkeypatch.setattr(reference, "PAGE", page)
    with pytest.raises(SystemExit, match="out of date"):
        reference.main(["--check"])
    reference.main([])
    assert page.read_text() == (ROOT / "config/README.md").read_text()


def test_snakemake_lint_is_clean(own_study):
    done = snakemake(own_study.folder, *own_study.arguments, "--lint", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
