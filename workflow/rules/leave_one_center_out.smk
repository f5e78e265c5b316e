# Optional target: each development centre is held out once and scored by networks trained on the other centres.
# The jobs are those of the study, with another table of folds.


rule split_by_center:
    """Make one fold per development centre."""
    message:
        "Holding out each development centre"
    input:
        manifests=targets.per_center(paths.manifest, "development"),
        lnm=targets.per_center(paths.outcome, "development", outcome="lnm"),
    output:
        folds=paths.center_folds,
    params:
        code=digest("split"),
    log:
        paths.log("split_by_center"),
    benchmark:
        paths.benchmark("split_by_center")
    conda:
        "../../envs/split.yaml"
    envmodules:
        "hscore/split",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.split --by-center --manifests {input.manifests:q} --lnm {input.lnm:q}"
        " --output {output.folds:q} > {log:q} 2>&1"


use rule train_model as train_without_center with:
    message:
        "Training {wildcards.model}, seed {wildcards.seed}, without each development centre"
    input:
        folds=paths.center_folds,
        manifests=targets.per_center(paths.manifest, "development"),
        scores=targets.fused(paths.center_predictions),
    output:
        folder=directory(paths.center_model),
    params:
        spec=targets.model_spec,
        settings=targets.training_settings,
        seeds=targets.seeds,
        state=paths.center_state,
        code=digest("train_model"),
    log:
        paths.log("train_without_center", "{model}/seed-{seed}"),
    benchmark:
        paths.benchmark("train_without_center", "{model}/seed-{seed}")


use rule predict_development as predict_held_out_center with:
    message:
        "Predicting each development centre with {wildcards.model}"
    input:
        models=lambda w: targets.model_folders(w.model, paths.center_model),
        manifests=targets.per_center(paths.manifest, "development"),
        folds=paths.center_folds,
        scores=targets.fused(paths.center_predictions),
    output:
        scores=paths.center_predictions,
        calibration=paths.center_calibration,
    params:
        spec=targets.model_spec,
        recalibration=config["validate"]["recalibration"],
        code=digest("predict"),
    log:
        paths.log("predict_held_out_center", "{model}"),
    benchmark:
        paths.benchmark("predict_held_out_center", "{model}")


rule describe_held_out_centers:
    """Estimate the AUC of every model in each development centre, with networks trained on none of its patients."""
    message:
        "Describing the held-out centres"
    input:
        predictions=expand(paths.center_predictions, model=targets.models),
        folds=paths.center_folds,
    output:
        performance=paths.center_performance,
    params:
        settings=as_json({"confidence": config["validate"]["confidence"]}),
        code=digest("describe_held_out_centers"),
    log:
        paths.log("describe_held_out_centers"),
    benchmark:
        paths.benchmark("describe_held_out_centers")
    conda:
        "../../envs/validate.yaml"
    envmodules:
        "hscore/validate",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.describe_held_out_centers --predictions {input.predictions:q} --folds {input.folds:q}"
        " --settings {params.settings:q} --output {output.performance:q} > {log:q} 2>&1"
