"""A study of one's own whose tables are real and whose images are empty: enough to build the DAG."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from hscore.contracts import results
from workflow_runs import ROOT

HEADER = "patient,center,age,figo_stage,histology,grade,scc_ag_ng_ml,mri_ln_short_axis_mm,lnm,dfs_months,dfs_event"
CENTERS = {"north": "development", "south": "development", "far": "external"}


@dataclass
class OwnStudy:
    """Files of the study; change them, then dry-run."""

    folder: Path

    def table(self, center: str) -> Path:
        return self.folder / f"{center}.csv"

    def edit(self, center: str, old: str, new: str) -> None:
        """Replace text that stands in a clinical table exactly once."""
        text = self.table(center).read_text()
        assert text.count(old) == 1
        self.table(center).write_text(text.replace(old, new))

    def keep(self, role: str) -> None:
        """Leave the centres of one role in the centres table."""
        path = self.folder / "centers.tsv"
        header, *rows = path.read_text().splitlines()
        path.write_text("\n".join([header, *(row for row in rows if f"\t{role}\t" in row)]) + "\n")

    def configure(self, **changes) -> None:
        """Write the config, with top-level keys changed."""
        config = {"study": "own", "data": "own", "centers": str(self.folder / "centers.tsv"), **changes}
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config))

    @property
    def finished(self) -> Path:
        """Results folder of the finished study that ``finish`` makes."""
        return self.folder / "before"

    def finish(self, **changes) -> None:
        """Leave what a finished study with the default config (but for ``changes``) leaves for another one to use."""
        config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
        for key, value in changes.items():
            config[key] |= value
        for name in config["models"]:
            for seed in range(1, config["train"]["seeds"] + 1):
                (self.finished / f"models/{name}/seed-{seed}").mkdir(parents=True)
            (self.finished / f"predictions/{name}").mkdir(parents=True)
            (self.finished / f"predictions/{name}/calibration.json").write_text("{}")
        sections = dict.fromkeys(results.Results.__required_keys__, {})
        for name, content in (("report/results", {**sections, "config": config}), ("validation/thresholds", {})):
            path = self.finished / f"{name}.json"
            path.parent.mkdir()
            path.write_text(json.dumps(content))
        (self.finished / "survival").mkdir()
        (self.finished / "survival/survival.json").write_text("{}")

    @property
    def arguments(self) -> list[str]:
        return ["--configfile", str(self.folder / "config.yaml")]


@pytest.fixture
def own_study(tmp_path: Path) -> OwnStudy:
    """Three centres of four patients each, one image file a patient."""
    study = OwnStudy(tmp_path)
    rows = ["center\tname\trole\timages\tclinical_table"]
    for center, role in CENTERS.items():
        images = tmp_path / "images" / center
        lines = [HEADER]
        for number in range(1, 5):
            patient = f"{center}{number}"
            (images / patient).mkdir(parents=True)
            (images / patient / "1.dcm").write_bytes(b"")
            lines.append(f"{patient},{center},5{number},IB1,SCC,G2,1.{number},{number}.5,{number % 2},2{number}.5,0")
        study.table(center).write_text("\n".join(lines) + "\n")
        rows.append(f"{center}\t{center.title()}\t{role}\t{images}\t{study.table(center)}")
    (tmp_path / "centers.tsv").write_text("\n".join(rows) + "\n")
    study.configure()
    return study
