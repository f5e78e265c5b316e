"""The digest of a step's code changes with what the code says, and with nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hscore import code_digest
from hscore.report import registry

FILES = {
    "hscore/__init__.py": '"""Package."""\n__version__ = "1"\n',
    "hscore/errors.py": "class UserError(Exception):\n    pass\n",
    "hscore/environment.py": "STAGES = {}\n",
    "hscore/steps/__init__.py": "from hscore import environment\n",
    "hscore/steps/_cli.py": "import argparse\nfrom hscore.errors import UserError\n",
    "hscore/steps/convert_patient.py": "from hscore.imaging import dicom\nfrom hscore.steps import _cli\n",
    "hscore/steps/train_model.py": "from hscore.steps._cli import run\n\ndef main():\n"
    "    from hscore.learning import nets\n",
    "hscore/imaging/__init__.py": "",
    "hscore/imaging/dicom.py": "import numpy as np\nimport pydicom.uid\n\n\n"
    'def read(path):\n    """Read."""\n    return None\n',
    "hscore/imaging/unused.py": "import nibabel\n",
    "hscore/learning/__init__.py": "",
    "hscore/learning/nets.py": "from . import samples\nfrom ..errors import UserError\n\ndef f():\n    import torch\n",
    "hscore/learning/samples.py": "from pathlib import Path\nHERE = Path(__file__).parent\n",
    "hscore/imaging/page.html": "<p>{{ x }}</p>\n",
    "hscore/learning/page.html": "<p>{{ x }}</p>\n",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small package of the same shape as the real one."""
    for name, text in FILES.items():
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "src"


def fresh(source: Path, step: str) -> str:
    """The digest as a new process would compute it (within one, each file is read once)."""
    for function in (
        code_digest._closure,
        code_digest._files,
        code_digest._file,
        code_digest._tree,
        code_digest._imports,
        code_digest._meaning,
    ):
        function.cache_clear()
    return code_digest.digest(step, source)


def names(paths: list[Path], source: Path) -> set[str]:
    return {path.relative_to(source / "hscore").as_posix() for path in paths}


def test_closure_holds_what_is_imported_and_no_more(source):
    assert names(code_digest.source_files("convert_patient", source), source) == {
        "__init__.py",
        "environment.py",
        "errors.py",
        "steps/__init__.py",
        "steps/_cli.py",
        "steps/convert_patient.py",
        "imaging/__init__.py",
        "imaging/dicom.py",
    }


def test_lazy_and_relative_imports_and_templates_count(source):
    reached = names(code_digest.source_files("train_model", source), source)
    assert {"learning/nets.py", "learning/samples.py", "learning/page.html", "errors.py"} <= reached
    assert "imaging/dicom.py" not in reached


def test_a_function_named_by_a_string_counts_and_other_strings_do_not(source):
    (source / "hscore/learning/nets.py").write_text(
        'ITEMS = ["hscore.imaging.unused:read", "hscore.imaging.dicom", "x hscore.imaging.dicom:y"]\n'
    )
    reached = names(code_digest.source_files("train_model", source), source)
    assert "imaging/unused.py" in reached and "imaging/dicom.py" not in reached


def test_third_party_names(source):
    assert code_digest.third_party("convert_patient", source) == {"numpy", "pydicom"}
    assert code_digest.third_party("train_model", source) == {"torch"}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("imaging/dicom.py", "    return None", "    # a comment\n    return (  None )"),
        ("imaging/dicom.py", '"""Read."""', '"""Read a file, told differently."""'),
        ("imaging/dicom.py", '    """Read."""\n', ""),
        ("__init__.py", '"1"', '"2"'),
        ("imaging/unused.py", "nibabel", "nilearn"),
        ("learning/nets.py", "torch", "monai"),
        ("environment.py", "{}", "{'convert': ['convert', 'a_new_step']}"),
    ],
)
def test_what_changes_nothing(source, file, old, new):
    before = fresh(source, "convert_patient")
    path = source / "hscore" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert fresh(source, "convert_patient") == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("imaging/dicom.py", "return None", "return 0"),
        ("imaging/dicom.py", "return None", "return"),
        ("imaging/dicom.py", "return None", "return 'None'"),
        ("imaging/dicom.py", "import numpy as np", "import numpy"),
        ("errors.py", "Exception", "ValueError"),
        ("steps/convert_patient.py", "from hscore", "import json\nfrom hscore"),
        ("imaging/__init__.py", "", "x = 1\n"),
    ],
)
def test_what_changes_the_digest(source, file, old, new):
    before = fresh(source, "convert_patient")
    path = source / "hscore" / file
    path.write_text(path.read_text().replace(old, new, 1) if old else new)
    assert fresh(source, "convert_patient") != before


def test_a_template_counts_by_content(source):
    before = fresh(source, "train_model")
    (source / "hscore/learning/page.html").write_text("<p>{{ y }}</p>\n")
    assert fresh(source, "train_model") != before


def test_a_template_that_no_module_of_the_step_looks_for_does_not_count(source):
    before = fresh(source, "convert_patient")
    (source / "hscore/imaging/page.html").write_text("<p>{{ y }}</p>\n")
    assert fresh(source, "convert_patient") == before


def test_a_docstring_like_string_further_down_counts(source):
    path = source / "hscore/errors.py"
    path.write_text('X = 1\n"text"\n')
    before = fresh(source, "convert_patient")
    path.write_text('X = 1\n"other text"\n')
    assert fresh(source, "convert_patient") != before


def test_a_moved_checkout_changes_nothing(source, tmp_path):
    before = fresh(source, "train_model")
    shutil.move(source, tmp_path / "elsewhere")
    assert fresh(tmp_path / "elsewhere", "train_model") == before


def test_an_unknown_step_is_named():
    with pytest.raises(FileNotFoundError, match="hscore.steps.nonsense"):
        code_digest.digest("nonsense")


def real_steps() -> list[str]:
    return sorted(p.stem for p in (code_digest.SOURCE / "hscore/steps").glob("*.py") if not p.stem.startswith("_"))


def test_no_import_hides_from_the_walk():
    """A module named by a string would be invisible to the digest, except as ``module:function``."""
    for path in (code_digest.SOURCE / "hscore").rglob("*.py"):
        text = path.read_text()
        assert "import_module" not in text and "__import__(" not in text, path


def test_the_functions_that_the_registry_of_the_report_names_count():
    files = code_digest.source_files("report")
    for item in [*registry.FIGURES.values(), *registry.TABLES.values()]:
        module = item.function.partition(":")[0]
        assert code_digest.SOURCE / f"{module.replace('.', '/')}.py" in files


@pytest.mark.slow
@pytest.mark.parametrize("step", real_steps())
def test_walk_agrees_with_python(step):
    """Every module of the package that Python loads for a step's imports is among its source files."""
    code = (
        f"import sys, hscore.steps.{step}\n"
        "print('\\n'.join(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'hscore'))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(code_digest.SOURCE), "MPLBACKEND": "agg", "HOME": "/nonexistent"},
    )
    loaded = {Path(line) for line in run.stdout.split()}
    assert loaded <= set(code_digest.source_files(step))
