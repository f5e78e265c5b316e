rule predict_development:
    """Score each development patient out-of-fold and (apparent) by the members trained on the patient; calibrate."""
    message:
        "Predicting the development cohort with {wildcards.model}"
    input:
        models=targets.seeds_of_model,
        manifests=targets.per_center(paths.manifest, "development"),
        folds=paths.folds,
        scores=targets.fused(paths.predictions, cohort="development"),
    output:
        scores=paths.predictions.replace("{cohort}", "development"),
        calibration=paths.calibration,
    params:
        spec=targets.model_spec,
        recalibration=config["validate"]["recalibration"],
        code=digest("predict"),
    log:
        paths.log("predict_development", "{model}"),
    benchmark:
        paths.benchmark("predict_development", "{model}")
    conda:
        "../../envs/predict.yaml"
    envmodules:
        "hscore/predict",
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.predict --model {wildcards.model} --spec {params.spec:q}"
        " --model-folders {input.models:q} --manifests {input.manifests:q} --folds {input.folds:q} --scores {input.scores:q}"
        " --recalibration {params.recalibration} --calibration {output.calibration:q}"
        " --output {output.scores:q} > {log:q} 2>&1"


rule predict_external:
    """Score each external patient by the members of all folds and seeds, with the calibration frozen on development."""
    message:
        "Predicting the external cohort with {wildcards.model}"
    input:
        models=targets.seeds_of_model,
        manifests=targets.per_center(paths.manifest, "external"),
        scores=targets.fused(paths.predictions, cohort="external"),
        calibration=targets.calibration,
    output:
        scores=paths.predictions.replace("{cohort}", "external"),
    params:
        spec=targets.model_spec,
        code=digest("predict"),
    log:
        paths.log("predict_external", "{model}"),
    benchmark:
        paths.benchmark("predict_external", "{model}")
    conda:
        "../../envs/predict.yaml"
    envmodules:
        "hscore/predict",
    threads: 1
    priority: 1  # validation and the report wait for all of them, maps and survival only for some
    resources:
        mem_mb=growing(3000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.predict --model {wildcards.model} --spec {params.spec:q}"
        " --model-folders {input.models:q} --manifests {input.manifests:q} --scores {input.scores:q} --calibration {input.calibration:q}"
        " --output {output.scores:q} > {log:q} 2>&1"
