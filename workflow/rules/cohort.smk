rule build_cohort:
    """Assign each patient of a centre to one place of the flow diagram; list inclusions and exclusions, no outcomes."""
    message:
        "Listing inclusions and exclusions of {wildcards.center}"
    input:
        table=lambda w: ancient(study.table(w.center)) if not study.simulated else study.table(w.center),
        samples=targets.per_batch_of_center(paths.samples),
    output:
        manifest=paths.manifest,
        excluded=paths.excluded,
        flow=paths.flow,
    params:
        role=lambda w: study.centers[w.center]["role"],
        images=targets.images_of_center,
        codes=as_json(config["codes"]),
        clinical=study.clinical_columns,
        settings=as_json(study.config["cohort"]),
        rows=lambda w: study.rows_digest(w.center, "cohort"),
        folders=lambda w: study.folders_digest(w.center),
        code=digest("build_cohort"),
    log:
        paths.log("build_cohort", "{center}"),
    benchmark:
        paths.benchmark("build_cohort", "{center}")
    conda:
        "../../envs/cohort.yaml"
    envmodules:
        "hscore/cohort",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.build_cohort --center {wildcards.center} --role {params.role} --table {input.table:q}"
        " --samples @<(printf '%s\\n' {input.samples:q}) --images {params.images:q} --clinical {params.clinical}"
        " --codes {params.codes:q} --settings {params.settings:q} --manifest {output.manifest:q}"
        " --excluded {output.excluded:q} --flow {output.flow:q} > {log:q} 2>&1"


rule write_outcome:
    """Write one outcome of a centre's included patients to a separate file, so that no job reads it by accident."""
    message:
        "Writing {wildcards.outcome} of {wildcards.center}"
    input:
        table=lambda w: ancient(study.table(w.center)) if not study.simulated else study.table(w.center),
        manifest=paths.manifest,
    output:
        outcome=paths.outcome,
    params:
        kind="{outcome}",
        rows=lambda w: study.rows_digest(w.center, w.outcome),
        code=digest("write_outcome"),
    wildcard_constraints:
        outcome="lnm|dfs",
    log:
        paths.log("write_outcome", "{center}-{outcome}"),
    benchmark:
        paths.benchmark("write_outcome", "{center}-{outcome}")
    conda:
        "../../envs/cohort.yaml"
    envmodules:
        "hscore/cohort",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.write_outcome --center {wildcards.center} --table {input.table:q}"
        " --manifest {input.manifest:q} --kind {params.kind} --output {output.outcome:q} > {log:q} 2>&1"


use rule write_outcome as write_lnm_of_excluded with:
    message:
        "Writing the node status of the patients of {wildcards.center} without a score"
    input:
        table=lambda w: ancient(study.table(w.center)) if not study.simulated else study.table(w.center),
        manifest=paths.excluded,
    output:
        outcome=paths.excluded_lnm,
    params:
        kind="lnm",
        rows=lambda w: study.rows_digest(w.center, "lnm"),
        code=digest("write_outcome"),
    log:
        paths.log("write_lnm_of_excluded", "{center}"),
    benchmark:
        paths.benchmark("write_lnm_of_excluded", "{center}")


rule describe_cohorts:
    """Write Table 1: patients of the development and external cohorts by node status; only the report reads it."""
    message:
        "Describing the cohorts"
    input:
        manifests=targets.per_center(paths.manifest),
        lnm=targets.per_center(paths.outcome, outcome="lnm"),
    output:
        table1=paths.table1,
    params:
        roles=targets.roles(),
        code=digest("describe_cohorts"),
    log:
        paths.log("describe_cohorts"),
    benchmark:
        paths.benchmark("describe_cohorts")
    conda:
        "../../envs/cohort.yaml"
    envmodules:
        "hscore/cohort",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.describe_cohorts --manifests {input.manifests:q} --lnm {input.lnm:q} --roles {params.roles}"
        " --output {output.table1:q} > {log:q} 2>&1"
