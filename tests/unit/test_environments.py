"""Pins, locks and the environments of the stages agree with each other and with what the code imports."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from hscore.dag import digest

ROOT = Path(__file__).parents[2]
ENVS = ROOT / "envs"


def load(name: str):
    """A program of envs/ as a module; the folder is no package."""
    spec = importlib.util.spec_from_file_location(f"envs_{name}", ENVS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate, lock = load("generate"), load("lock")


def asked_for(*files: str) -> dict[str, str]:
    """Package -> exact version of the requirements that are asked for by name."""
    pins = [re.findall(r"(?m)^([A-Za-z][\w.-]*)==(\S+)", (ROOT / file).read_text()) for file in files]
    return {name.lower(): version for found in pins for name, version in found}


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


def test_the_lock_leaves_torch_and_its_cuda_companions_to_the_machine():
    names = lock.names((ROOT / "requirements.lock").read_text())
    assert not [name for name in names if lock.LEFT_OUT.fullmatch(name)]
    assert "monai" in names and (ROOT / "requirements.torch.txt").read_text().count("torch==") == 1


def test_the_lock_has_what_is_asked_for():
    versions, _ = generate.read_lock()
    wanted = asked_for("requirements.in", "requirements.torch.txt")
    assert {name: versions[name] for name in wanted} == wanted


def test_the_locks_do_not_overlap():
    runtime, development = (lock.names((ROOT / f).read_text()) for f in ("requirements.lock", "requirements-dev.lock"))
    assert not runtime & development


def test_everything_imported_is_asked_for_and_the_other_way_round():
    imported = {"dcm2niix", "snakemake", "packaging", "pygments"}  # used without an import in the package; see the file
    for path in digest.SOURCE.rglob("*.py"):
        names = {name.partition(".")[0] for name in digest._imports(path, digest.SOURCE)}
        imported |= names - set(sys.stdlib_module_names) - {"hscore", "snakemake_logger_plugin_hscore"}
    imported = {generate.PACKAGES.get(name, name) for name in imported} - {"", "snakemake_interface_logger_plugins"}
    assert imported == set(asked_for("requirements.in", "requirements.torch.txt"))


def test_without_drops_whole_entries():
    text = "a==1 \\\n    --hash=sha256:0\n    # via b\ntorch==2 \\\n    --hash=sha256:1\nb==3 \\\n    --hash=sha256:2\n"
    assert (
        lock.without(text, lock.LEFT_OUT.fullmatch)
        == "a==1 \\\n    --hash=sha256:0\n    # via b\nb==3 \\\n    --hash=sha256:2\n"
    )


# the environments


def test_no_environment_is_stale():
    run = subprocess.run([sys.executable, ENVS / "generate.py", "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_a_stale_environment_is_found(tmp_path, monkeypatch):
    (tmp_path / "envs").mkdir()
    for name in ("requirements.lock", "requirements.torch.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
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
    steps = {path.stem for path in (digest.SOURCE / "hscore/steps").glob("[a-z]*.py")}
    assert steps == {step for steps in generate.STAGES.values() for step in steps}
    named = set()
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        named |= set(re.findall(r'conda:\s+"\.\./\.\./envs/(\w+)\.yaml"', path.read_text()))
    assert named == set(generate.STAGES) == {path.stem for path in ENVS.glob("*.yaml")}


@pytest.mark.parametrize("stage", generate.STAGES)
def test_an_environment_is_complete_small_and_as_locked(stage):
    environment = yaml.safe_load((ENVS / f"{stage}.yaml").read_text())
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert environment["dependencies"][:2] == ["python =3.11.11", "pip =25.0.1"]
    have, (versions, _) = pins(stage), generate.read_lock()
    assert have == {name: versions[name] for name in have}
    assert generate.direct(stage) <= set(have)
    assert ("torch" in have) == (stage in ("train", "predict"))
    assert not {"snakemake", "pytest"} & set(have)


@pytest.mark.parametrize("stage", generate.STAGES)
def test_an_environment_has_everything_its_packages_require(stage):
    """The independent source: what each installed package itself says that it requires."""
    from importlib.metadata import requires

    have = pins(stage)
    for name in have:
        for line in requires(name) or []:
            needed = Requirement(line)
            wanted = needed.name.lower().replace("_", "-")
            companion = lock.LEFT_OUT.fullmatch(wanted)
            if not companion and (needed.marker is None or needed.marker.evaluate({"extra": "", **generate.PLATFORM})):
                assert wanted in have, f"{name} requires {line}"
                assert needed.specifier.contains(have[wanted]), f"{name} requires {line}"
