"""Pins, locks and the environments of the stages agree with each other and with what the code imports."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import hscore
from hscore import code_digest, environment

ROOT = Path(__file__).parents[2]
ENVS = ROOT / "envs"
FILES = ["workflow", *environment.STAGES]


def load(name: str):
    """A program of envs/ as a module; the folder is no package."""
    spec = importlib.util.spec_from_file_location(f"envs_{name}", ENVS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = load("generate")


def asked_for() -> dict[str, Requirement]:
    """Package -> what pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {r.name.lower(): r for r in map(Requirement, project["dependencies"])}


def locked(name: str) -> dict[str, str]:
    """Package -> version in an exported lock."""
    return dict(re.findall(r"(?m)^([a-z0-9][a-z0-9.-]*)==([^\s;]+)", (ROOT / name).read_text()))


def pins(stage: str) -> dict[str, str]:
    """Package -> version of one environment file, every line of it an exact pin."""
    *_, pip = yaml.safe_load((ENVS / f"{stage}.yaml").read_text())["dependencies"]
    requirements = [Requirement(line) for line in pip["pip"]]
    assert all([str(each.operator) for each in r.specifier] == ["=="] for r in requirements)
    return {r.name: str(r.specifier)[2:] for r in requirements}


# the locks


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_is_exact_hashed_and_names_no_machine(name):
    text = (ROOT / name).read_text()
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", text)[1:]
    assert len(entries) > 10
    for entry in entries:
        assert re.match(r"[a-z0-9][a-z0-9.-]*==\S+( ; .+)? \\\n    --hash=sha256:[0-9a-f]{64}", entry), entry
    assert not re.search(r"https?://|file:|find-links|index-url| /", text)


def test_the_locks_are_exports_of_one_resolution_of_the_public_index():
    content = tomllib.loads((ROOT / "uv.lock").read_text())
    versions = {package["name"]: package["version"] for package in content["package"]}
    for name in ("requirements.lock", "requirements-dev.lock"):
        have = locked(name)
        assert have == {package: versions[package] for package in have}
    sources = [package["source"] for package in content["package"] if package["name"] != "hscore"]
    assert all(source == {"registry": "https://pypi.org/simple"} for source in sources)


def test_the_lock_leaves_torch_and_its_cuda_companions_to_the_machine():
    lock = locked("requirements.lock")
    assert not [name for name in lock if name == "torch" or generate.CUDA.fullmatch(name)]
    assert "monai" in lock
    # the lock names the version of torch, so that a change of it rebuilds the environment
    assert f"{asked_for()['torch']} is installed first" in (ROOT / "requirements.lock").read_text().splitlines()[0]


def test_the_lock_has_what_is_asked_for():
    versions, _ = generate.read_lock()
    assert all(requirement.specifier.contains(versions[name]) for name, requirement in asked_for().items())


def test_everything_imported_is_asked_for_and_the_other_way_round():
    # used without an import in the package; see the file
    imported = {"dcm2niix", "networkx", "packaging", "pygments", "snakemake", "snakemake-executor-plugin-slurm"}
    for path in code_digest.SOURCE.rglob("*.py"):
        names = {name.partition(".")[0] for name in code_digest._imports(path, code_digest.SOURCE)}
        imported |= names - set(sys.stdlib_module_names) - {"hscore", "snakemake_logger_plugin_hscore"}
    imported = {generate.PACKAGES.get(name, name) for name in imported} - {"", "snakemake_interface_logger_plugins"}
    assert imported == set(asked_for())


# the package


def test_a_wheel_has_every_file_of_the_package(tmp_path):
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed: make env-dev")
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(code_digest.SOURCE, tmp_path / "workflow/src", ignore=skipped)
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    subprocess.run([uv, "build", "--quiet", "--wheel", "--offline"], cwd=tmp_path, check=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    source = tmp_path / "workflow/src"
    files = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    names = zipfile.ZipFile(wheel).namelist()
    packed = {name for name in names if not (name.endswith("/") or ".dist-info/" in name)}
    assert packed == files
    assert wheel.name.startswith(f"hscore-{hscore.__version__}-")


# the environments


def test_no_environment_is_stale():
    run = subprocess.run([sys.executable, ENVS / "generate.py", "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_a_stale_environment_is_found(tmp_path, monkeypatch):
    (tmp_path / "envs").mkdir()
    shutil.copy(ROOT / "uv.lock", tmp_path)
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    generate.main()
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    generate.main()
    file = tmp_path / "envs" / "convert.yaml"
    file.write_text(file.read_text().replace("numpy==", "numpy==0"))
    with pytest.raises(SystemExit, match="envs/convert.yaml.*make envs"):
        generate.main()


def test_every_step_and_every_rule_has_its_environment():
    steps = {path.stem for path in (code_digest.SOURCE / "hscore/steps").glob("[a-z]*.py")}
    assert steps == {step for steps in environment.STAGES.values() for step in steps}
    named = set()
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"(?m)^rule ", path.read_text())[1:]:
            stage = re.search(r'conda:\s+"\.\./\.\./envs/(\w+)\.yaml"', rule)[1]
            assert re.search(r'envmodules:\s+"hscore/(\w+)"', rule)[1] == stage
            assert {environment.stage_of(step) for step in re.findall(r"-m hscore\.steps\.(\w+)", rule)} == {stage}
            named.add(stage)
    assert named == set(environment.STAGES)
    assert named | {"workflow"} == {path.stem for path in ENVS.glob("*.yaml")}


@pytest.mark.parametrize("stage", FILES)
def test_an_environment_is_complete_small_and_as_locked(stage):
    content = yaml.safe_load((ENVS / f"{stage}.yaml").read_text())
    assert content["channels"] == ["conda-forge", "nodefaults"]
    assert content["dependencies"][:2] == ["python =3.11.11", "pip =25.0.1"]
    have, (versions, _) = pins(stage), generate.read_lock()
    assert have == {name: versions[name] for name in have}
    assert generate.direct(stage) <= set(have)
    assert ("torch" in have) == (stage in ("train", "predict"))
    assert not {"snakemake", "pytest"} & set(have) or stage == "workflow"
    assert environment.pins(stage) == have
    assert environment.python(stage) == "3.11"


@pytest.mark.parametrize("stage", FILES)
def test_an_environment_has_everything_its_packages_require(stage):
    """The independent source: what each installed package itself says that it requires."""
    from importlib.metadata import requires

    if environment.python(stage) != environment.running():
        pytest.skip(f"the files are for Python {environment.python(stage)}, and its packages are not all here")
    have = pins(stage)
    for name in have:
        for line in requires(name) or []:
            needed = Requirement(line)
            wanted = needed.name.lower().replace("_", "-")
            companion = generate.CUDA.fullmatch(wanted)
            if not companion and (needed.marker is None or needed.marker.evaluate({"extra": "", **generate.PLATFORM})):
                assert wanted in have, f"{name} requires {line}"
                assert needed.specifier.contains(have[wanted]), f"{name} requires {line}"


# what a step finds when it starts


def run_step(step: str, python: str = sys.executable, **variables: str) -> subprocess.CompletedProcess:
    variables = {"PYTHONPATH": str(code_digest.SOURCE), "PATH": "/usr/bin:/bin", **variables}
    command = [python, "-m", f"hscore.steps.{step}", "--help"]
    return subprocess.run(command, capture_output=True, text=True, env=variables)


def test_installed_packages_are_those_that_python_itself_sees():
    from importlib.metadata import distributions

    seen = {re.sub(r"[-_.]+", "-", d.name).lower(): d.version.partition("+")[0] for d in distributions()}
    assert environment.installed(sys.path) == seen


@pytest.mark.parametrize(
    ("have", "wrong"),
    [
        ({"a": "1", "b": "2"}, []),
        ({"a": "1", "b": "2", "pip": "25", "nvidia-cudnn-cu13": "9"}, []),
        ({"a": "1", "b": "2", "c": "3"}, ["it also has c"]),
        ({"a": "1", "b": "3"}, ["it has b 3 for 2"]),
        ({"b": "2"}, ["it lacks a"]),
        (dict.fromkeys("abcdefgh", "1"), ["it has b 1 for 2", "it also has c, d, e, f, g and 1 more"]),
    ],
)
def test_what_is_wrong_with_an_environment(have, wrong):
    assert environment.differences({"a": "1", "b": "2"}, have) == wrong


@pytest.mark.parametrize("step", [step for steps in environment.STAGES.values() for step in steps])
def test_every_step_starts_in_the_common_environment_and_not_where_it_was_promised_its_own(step):
    assert run_step(step).returncode == 0
    refused = run_step(step, **{environment.OWN: "1"})
    assert (refused.returncode, refused.stdout) == (1, "")
    (line,) = refused.stderr.splitlines()
    stage = environment.stage_of(step)
    assert line.startswith(f"error: {sys.prefix} is not the environment of envs/{stage}.yaml: ")
    assert "it also has " in line


def test_a_bare_python_in_the_place_of_its_own_environment_is_one_sentence(tmp_path):
    """What a job finds where no module was loaded."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    refused = run_step("build_cohort", str(tmp_path / "bare/bin/python"), **{environment.OWN: "1"})
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith(
        f"error: {tmp_path}/bare is not the environment of envs/cohort.yaml: "
        "it lacks numpy, pandas, python-dateutil, pytz, tzdata"
    )
