rule check_quality:
    """Write image quality metrics, shortcut features and a montage; informational, they exclude no patient."""
    message:
        "Checking the images of batch {wildcards.batch} of {wildcards.center}"
    input:
        nifti=paths.nifti,
        normalized=paths.normalized,
        samples=paths.samples,
    output:
        record=paths.quality,
    params:
        sequences=list(config["convert"]["sequences"]),
        code=digest("check_quality"),
    log:
        paths.log("check_quality", "{center}/{batch}"),
    benchmark:
        paths.benchmark("check_quality", "{center}/{batch}")
    conda:
        "../../envs/quality.yaml"
    envmodules:
        "hscore/quality",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=per_patient(2, targets.patients),
    shell:
        "python -m hscore.steps.check_quality --nifti {input.nifti:q} --normalized {input.normalized:q}"
        " --samples {input.samples:q} --sequences {params.sequences:q} --output {output.record:q} > {log:q} 2>&1"


rule check_shortcuts:
    """Check whether headers or image borders predict the node status; informational, it excludes no patient."""
    message:
        "Looking for shortcuts to the node status"
    input:
        quality=targets.per_batch(paths.quality),
        lnm=targets.per_center(paths.outcome, outcome="lnm"),
    output:
        found=paths.shortcuts,
    params:
        centers=targets.centers(),
        code=digest("check_shortcuts"),
    log:
        paths.log("check_shortcuts"),
    benchmark:
        paths.benchmark("check_shortcuts")
    conda:
        "../../envs/validate.yaml"
    envmodules:
        "hscore/validate",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(20),
    shell:
        "python -m hscore.steps.check_shortcuts --quality @<(printf '%s\\n' {input.quality:q}) --centers {params.centers}"
        " --lnm {input.lnm:q} --output {output.found:q} > {log:q} 2>&1"


rule overview_quality:
    """Write the quality page of a centre, outliers first, for viewing by keyboard."""
    message:
        "Writing the quality page of {wildcards.center}"
    input:
        quality=targets.per_batch_of_center(paths.quality),
        groups=paths.same_patients,
    output:
        page=paths.quality_page,
    params:
        name=lambda w: study.centers[w.center]["name"],
        data=config["data"],
        code=digest("overview_quality"),
    log:
        paths.log("overview_quality", "{center}"),
    benchmark:
        paths.benchmark("overview_quality", "{center}")
    conda:
        "../../envs/quality.yaml"
    envmodules:
        "hscore/quality",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.overview_quality --center {wildcards.center} --name {params.name:q}"
        " --data {params.data} --quality @<(printf '%s\\n' {input.quality:q}) --same-patients {input.groups:q}"
        " --output {output.page:q} > {log:q} 2>&1"
