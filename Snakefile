"""Define the whole study on one page, from the DICOM of three centres to the survival report."""

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
from hscore.dag.study import Study
from hscore.dag.targets import Targets, as_json
from hscore.environment import OWN as OWN_ENVIRONMENT
from hscore.errors import UserError
from hscore.files import sha256

# The objects of the job graph live until the end. Frequent garbage collection would take a tenth of the time.
gc.set_threshold(100_000)


configfile: f"{workflow.basedir}/config/config.yaml"


report: "workflow/report/workflow.rst"


try:
    study = Study(config, schemas=SOURCES.parent / "schemas")
except UserError as error:
    raise WorkflowError(str(error)) from None

paths = study.paths
targets = Targets(study)

# Jobs find the package through PYTHONPATH, so an edit of the code never rebuilds an environment. With `--sdm conda` or
# `env-modules`, each step first checks that it runs in its own environment.
own = f"export {OWN_ENVIRONMENT}=1; " if workflow.deployment_settings.deployment_method else ""
shell.prefix(f"set -euo pipefail; export PYTHONPATH='{SOURCES}'; {own}")


onstart:
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
    """Run the whole study."""
    input:
        targets.final_outputs(),
        paths.provenance,


# One target per stage, in the order of the study.


rule simulate:
    """Write simulated DICOM and clinical tables for every centre (nothing to do for your own data)."""
    input:
        targets.per_batch(paths.simulated_images) if study.simulated else [],
        targets.per_center(paths.simulated_table) if study.simulated else [],


rule convert:
    """Write NIfTI images, ADC maps and tumour masks for every patient, and the series inventory of each centre."""
    input:
        targets.per_batch(paths.nifti),
        targets.inventories(),


rule normalize:
    """Write bias-corrected images with normalised intensity for every patient."""
    input:
        targets.per_batch(paths.normalized),


rule sample:
    """Write the network samples of every patient."""
    input:
        targets.per_batch(paths.samples),


rule quality:
    """Write one quality page per centre, outliers first."""
    input:
        targets.quality_pages(),


rule cohort:
    """List inclusions and exclusions per centre, and write Table 1."""
    input:
        targets.per_center(paths.manifest),
        paths.table1,


rule split:
    """Split the development cohort into folds."""
    input:
        targets.folds(),


rule train:
    """Train every model with every seed."""
    input:
        targets.trained_here(),


rule predict:
    """Score every patient with every model, out-of-fold and external."""
    input:
        targets.predictions("development"),
        targets.predictions("external"),


rule validate:
    """Freeze the thresholds; estimate accuracy and compare models."""
    input:
        paths.validation,


rule survive:
    """Analyse survival by H score."""
    input:
        paths.survival,


rule explain:
    """Draw saliency maps of the image model."""
    input:
        targets.explanation(),


# Two optional targets; `all` includes neither.


rule leave_one_center_out:
    """Score each development centre with networks trained on the others."""
    input:
        paths.center_performance,


rule search:
    """Run a nested search over training settings."""
    input:
        paths.search,


# Optional: comparison of a simulated study with the planted truth.


rule recovery:
    """Run the study and write its recovery report."""
    input:
        paths.page,
        paths.recovery_page if study.simulated else [],


rule control:
    """Run a negative control (`simulation.control` in the config) and judge it."""
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
