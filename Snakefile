"""From the DICOM of three centres to the survival report: the whole study on one page."""

import gc
import sys
from pathlib import Path

import snakemake
from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")

SOURCES = Path(workflow.basedir) / "workflow" / "src"
sys.path.insert(0, str(SOURCES))

from hscore.dag import report_items
from hscore.dag.batches import announce
from hscore.code_digest import digest
from hscore.dag.resources import growing, per_patient
from hscore.dag.scheduling import lift_default_rate_limit
from hscore.dag.study import Study
from hscore.dag.targets import Targets, as_json
from hscore.environment import OWN as OWN_ENVIRONMENT
from hscore.errors import UserError
from hscore.files import sha256

# The graph of jobs is one web of objects that live to the end: to look for garbage in it often takes a tenth of the time.
gc.set_threshold(100_000)


configfile: f"{workflow.basedir}/config/config.yaml"


report: "workflow/report/workflow.rst"


try:
    study = Study(config, schemas=SOURCES.parent / "schemas")
except UserError as error:
    raise WorkflowError(str(error)) from None

paths = study.paths
targets = Targets(study)

# Jobs find the package by its folder, so an edit of the code never rebuilds an environment. With `--sdm conda` or
# `env-modules` each step, at its start, makes sure that it runs in its own one.
own = f"export {OWN_ENVIRONMENT}=1; " if workflow.deployment_settings.deployment_method else ""
shell.prefix(f"set -euo pipefail; export PYTHONPATH='{SOURCES}'; {own}")


onstart:
    lift_default_rate_limit(workflow)
    announce(workflow.dag.needrun_jobs(), study.batches)


wildcard_constraints:
    center="|".join(study.centers),
    batch="[0-9]+-of-[0-9]+",
    model="|".join(targets.models),
    seed="|".join(study.seed_groups),
    part="fold-[0-9]+|all",
    cohort="development|external",


localrules:
    all,
    simulate,
    convert,
    normalize,
    sample,
    quality,
    cohort,
    split,
    train,
    predict,
    validate,
    survive,
    explain,
    leave_one_center_out,
    search,
    recovery,
    control,


rule all:
    """The whole study."""
    input:
        targets.final_outputs(),
        paths.provenance,


# One target a stage, in the order of the study.


rule simulate:
    """Simulated DICOM and clinical tables of every centre (nothing to do for your own data)."""
    input:
        targets.per_batch(paths.simulated_images) if study.simulated else [],
        targets.per_center(paths.simulated_table) if study.simulated else [],


rule convert:
    """NIfTI images, ADC maps and tumour masks of every patient, and the inventory of what each centre delivered."""
    input:
        targets.per_batch(paths.nifti),
        targets.inventories(),


rule normalize:
    """Bias-corrected, intensity-normalised images of every patient."""
    input:
        targets.per_batch(paths.normalized),


rule sample:
    """Network samples of every patient."""
    input:
        targets.per_batch(paths.samples),


rule quality:
    """A page a centre with a picture of every patient, the strangest first."""
    input:
        targets.quality_pages(),


rule cohort:
    """Who is in and who is out, per centre, and Table 1."""
    input:
        targets.per_center(paths.manifest),
        paths.table1,


rule split:
    """Folds of the development cohort."""
    input:
        targets.folds(),


rule train:
    """Every model, every seed."""
    input:
        targets.trained_here(),


rule predict:
    """Out-of-fold and external scores of every patient by every model."""
    input:
        targets.predictions("development"),
        targets.predictions("external"),


rule validate:
    """Frozen thresholds, accuracy and comparisons."""
    input:
        paths.validation,


rule survive:
    """Survival by H score."""
    input:
        paths.survival,


rule explain:
    """What the image model looked at."""
    input:
        targets.explanation(),


# Two targets beside the study; `all` runs neither.


rule leave_one_center_out:
    """Each development centre scored by networks of the other ones."""
    input:
        paths.center_performance,


rule search:
    """A nested search over training settings."""
    input:
        paths.search,


# Beside the study: how far it recovers what was planted in simulated patients.


rule recovery:
    """The recovery report, the study included."""
    input:
        paths.page,
        paths.recovery_page if study.simulated else [],


rule control:
    """The verdict on a negative control (`simulation.control` in the config), the study included."""
    input:
        paths.page,
        paths.control if study.simulated else [],


include: "workflow/rules/simulate.smk"
include: "workflow/rules/convert.smk"
include: "workflow/rules/inventory.smk"
include: "workflow/rules/normalize.smk"
include: "workflow/rules/sample.smk"
include: "workflow/rules/quality.smk"
include: "workflow/rules/cohort.smk"
include: "workflow/rules/split.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/validate.smk"
include: "workflow/rules/survive.smk"
include: "workflow/rules/explain.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/leave_one_center_out.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/provenance.smk"
include: "workflow/rules/recovery.smk"
