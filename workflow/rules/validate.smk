rule freeze_thresholds:
    """Choose each model's threshold on out-of-fold development scores and freeze it."""
    message:
        "Freezing the thresholds"
    input:
        predictions=targets.predictions("development"),
        calibrations=targets.calibrations(),
        folds=targets.folds(),
    output:
        thresholds=paths.thresholds,
    params:
        models=targets.models,
        settings=as_json(config["validate"]),
        code=digest("freeze_thresholds"),
    log:
        paths.log("freeze_thresholds"),
    benchmark:
        paths.benchmark("freeze_thresholds")
    conda:
        "../../envs/validate.yaml"
    envmodules:
        "hscore/validate",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.freeze_thresholds --models {params.models} --predictions {input.predictions:q}"
        " --calibrations {input.calibrations:q} --folds {input.folds:q} --settings {params.settings:q}"
        " --output {output.thresholds:q} > {log:q} 2>&1"


rule select_models:
    """Choose the best model of one sequence and the best of several on out-of-fold development scores; compare them."""
    message:
        "Choosing between single and combined sequences"
    input:
        predictions=targets.predictions("development"),
        folds=paths.folds,
    output:
        selection=paths.selection,
    params:
        families=as_json(targets.families()),
        settings=as_json({"confidence": config["validate"]["confidence"]}),
        code=digest("select_models"),
    log:
        paths.log("select_models"),
    benchmark:
        paths.benchmark("select_models")
    conda:
        "../../envs/validate.yaml"
    envmodules:
        "hscore/validate",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.select_models --predictions {input.predictions:q} --families {params.families:q}"
        " --folds {input.folds:q} --settings {params.settings:q} --output {output.selection:q} > {log:q} 2>&1"


rule validate_models:
    """Estimate accuracy at the frozen thresholds (apparent, out-of-fold, external) and compare models."""
    message:
        "Validating"
    input:
        development=targets.predictions("development"),
        external=targets.predictions("external"),
        folds=targets.folds(),
        lnm=targets.per_center(paths.outcome, "external", outcome="lnm"),
        manifests=targets.per_center(paths.manifest, "external"),
        development_manifests=targets.per_center(paths.manifest, "development"),
        excluded=targets.per_center(paths.excluded, "external"),
        excluded_lnm=targets.per_center(paths.excluded_lnm, "external"),
        development_excluded=targets.per_center(paths.excluded, "development"),
        development_excluded_lnm=targets.per_center(paths.excluded_lnm, "development"),
        thresholds=targets.thresholds(),
        selection=targets.selection(),
    output:
        validation=paths.validation,
    params:
        index_tests=as_json(targets.index_tests()),
        settings=as_json(config["validate"]),
        code=digest("validate_models"),
    log:
        paths.log("validate_models"),
    benchmark:
        paths.benchmark("validate_models")
    conda:
        "../../envs/validate.yaml"
    envmodules:
        "hscore/validate",
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    shell:
        "python -m hscore.steps.validate_models --development {input.development:q} --external {input.external:q}"
        " --folds {input.folds:q} --lnm {input.lnm:q} --manifests {input.manifests:q}"
        " --development-manifests {input.development_manifests:q} --excluded {input.excluded:q}"
        " --excluded-lnm {input.excluded_lnm:q} --development-excluded {input.development_excluded:q}"
        " --development-excluded-lnm {input.development_excluded_lnm:q} --index-tests {params.index_tests:q}"
        " --thresholds {input.thresholds:q} --selection {input.selection:q} --settings {params.settings:q}"
        " --output {output.validation:q} > {log:q} 2>&1"
