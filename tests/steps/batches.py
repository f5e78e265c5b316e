"""Steps that work through a batch, called for one patient whose folders may be anywhere."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from hscore.contracts import batch_record


def record(made: Mapping[str, Path]) -> str:
    """Write the record of a batch that made these folders, by patient; it goes where the first one is."""
    first = next(iter(made.values()))
    path = first.parent / "batches" / f"{first.name}.json"
    batch_record.write(path, made)
    return str(path)


def record_of_folders(*folders: Path) -> str:
    """The same of folders that are called ``sub-<patient>``."""
    return record({folder.name.removeprefix("sub-"): folder for folder in folders})


def image_folders(patient: str, images: Path, beside: Path) -> str:
    """A folder of patients' folders in which ``patient`` has ``images``, which need not exist."""
    root = beside.with_name(f"{beside.name}.images")
    root.mkdir(exist_ok=True, parents=True)
    (root / patient).unlink(missing_ok=True)
    (root / patient).symlink_to(images.absolute())
    return str(root)


def run(step: ModuleType, patient: str, output: Path, *arguments: str) -> None:
    """Run a step on a batch of one patient; what it made of the patient becomes the folder ``output``."""
    place = output.with_name(f"{output.name}.batch")
    try:
        step.main([*arguments, "--output", str(place / "batches/1-of-1.json")])
    finally:
        if (place / f"sub-{patient}").exists():
            shutil.rmtree(output, ignore_errors=True)
            (place / f"sub-{patient}").rename(output)
