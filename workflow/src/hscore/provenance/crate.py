"""Write the run as a Workflow Run RO-Crate: a folder that describes what was run, on which inputs, with which results.

Profile: Workflow Run Crate 0.5, https://w3id.org/ro/wfrun/workflow/0.5 (Leo et al., PLOS ONE 2024, 19(9):e0309210). The
folder contains the workflow, its environments and locks, the resolved config, the run manifest and the report. Tables
and images of patients are listed with their hashes and never copied.
"""

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from rocrate.model import ComputationalWorkflow, ContextEntity, Entity
from rocrate.rocrate import ROCrate

from hscore.provenance.run_manifest import LOCKS, files

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
LICENSE = "https://spdx.org/licenses/MIT"
# Folders of the checkout that belong to the workflow, in addition to the Snakefile.
FOLDERS = {"workflow": "rules, profiles, schemas and the package hscore", "envs": "one exact environment per stage"}
ENCODINGS = {
    ".py": "text/x-python",
    ".yaml": "application/yaml",
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
}
MANIFEST = "run_manifest.json"


def write(folder: Path, manifest: Mapping[str, Any], report: Path, results: Path, checkout: Path) -> None:
    """Write the crate into an existing, empty folder.

    Args:
        folder: where to write.
        manifest: content of run_manifest.json.
        report: the page.
        results: results.json.
        checkout: root of the workflow.
    """
    study = manifest["study"]
    simulated = " on simulated patients" if study["simulated"] else ""
    crate = ROCrate(version="1.1")  # the version that the profile builds on
    crate.name = f"hscore: {study['name']}"
    crate.description = f"Run of the hscore workflow{simulated}: lymph-node metastasis of cervical cancer from MRI."
    crate.license = crate.add(
        ContextEntity(
            crate,
            LICENSE,
            {"@type": "CreativeWork", "name": "MIT License", "url": LICENSE, "description": "of the workflow"},
        )
    )
    crate.datePublished = manifest["ended"]
    for url, (name, version) in PROFILES.items():
        crate.add(ContextEntity(crate, url, {"@type": "CreativeWork", "name": name, "version": version}))
    crate.root_dataset["conformsTo"] = [{"@id": url} for url in PROFILES]
    workflow = _workflow(crate, manifest, checkout)
    inputs, parameters = _inputs(crate, manifest)
    workflow["input"] = parameters
    outputs = [
        crate.add_file(report, "report.html", properties={"name": "report", "encodingFormat": "text/html"}),
        crate.add_file(
            results,
            "results.json",
            properties={"name": "every number of the report", "encodingFormat": "application/json"},
        ),
    ]
    run = crate.add_action(
        workflow,
        identifier="#run",
        object=inputs,
        result=outputs,
        properties={
            "name": f"Run of {study['name']}",
            "description": crate.description,
            "startTime": manifest["started"],
            "endTime": manifest["ended"],
            "actionStatus": "http://schema.org/CompletedActionStatus",
        },
    )
    person = ContextEntity(crate, "#operator", {"@type": "Person", "name": "operator of the workflow"})
    run["agent"] = crate.root_dataset["author"] = crate.add(person)
    crate.root_dataset["mentions"] = run
    crate.write(folder)


def _workflow(crate: ROCrate, manifest: Mapping[str, Any], checkout: Path) -> ComputationalWorkflow:
    """Add the code and return the workflow's entity."""
    code = manifest["code"]
    workflow = crate.add_workflow(
        checkout / "Snakefile",
        "Snakefile",
        main=True,
        lang="snakemake",
        lang_version=manifest["versions"]["snakemake"],
        properties={
            "name": "hscore",
            "version": code["commit"] or code["version"],
            "license": {"@id": LICENSE},
            "conformsTo": {"@id": BIOSCHEMAS},
            "encodingFormat": "text/plain",
        },
    )
    for name, description in FOLDERS.items():
        part = crate.add_dataset(dest_path=f"{name}/", properties={"name": name, "description": description})
        for path in files(checkout / name):
            if "__pycache__" not in path.parts:
                name = path.relative_to(checkout).as_posix()
                kind = {"name": name, "encodingFormat": ENCODINGS.get(path.suffix, "text/plain")}
                part.append_to("hasPart", crate.add_file(path, name, properties=kind))
        workflow.append_to("hasPart", part)
    crate.add_file(
        checkout / "README.md",
        "README.md",
        properties={"name": "README", "encodingFormat": "text/markdown", "about": {"@id": "./"}},
    )
    for name in LOCKS:
        crate.add_file(checkout / name, name, properties={"name": name, "encodingFormat": "text/plain"})
    return workflow


def _inputs(crate: ROCrate, manifest: Mapping[str, Any]) -> tuple[list, list]:
    """Add the inputs of the run and return their entities and the workflow's parameters."""
    config = crate.add_file(
        StringIO(yaml.safe_dump(dict(manifest["config"]), sort_keys=False, allow_unicode=True)),
        "config.yaml",
        properties={"name": "resolved config", "encodingFormat": "application/yaml"},
    )
    crate.add_file(
        StringIO(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"),
        MANIFEST,
        properties={
            "name": "run manifest",
            "encodingFormat": "application/json",
            "description": "hashes, versions, times",
        },
    )
    inputs, parameters = [config], [_parameter(crate, "config", "File", config)]
    digests = {**manifest["inputs"]["tables"]} | {
        f"images of {center}": digest for center, digest in manifest["inputs"]["images_names_and_sizes"].items()
    }
    for number, (name, digest) in enumerate(digests.items(), 1):
        properties = {"@type": "PropertyValue", "name": name, "value": digest, "description": "digest of the input"}
        entity = crate.add(ContextEntity(crate, f"#input-{number}", properties))
        inputs.append(entity)
        parameters.append(_parameter(crate, f"input-{number}", "Text", entity))
    return inputs, parameters


def _parameter(crate: ROCrate, name: str, kind: str, example: Entity) -> Entity:
    """Return a formal parameter of the workflow, with an input of this run as its example."""
    parameter = crate.add_formal_parameter(name, kind, identifier=f"#parameter-{name}", valueRequired=True)
    parameter["workExample"] = example
    example["exampleOfWork"] = parameter
    return parameter
