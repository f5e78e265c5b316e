rule explain_model:
    """Draw saliency maps of the image model for the external patients with the most certain predictions."""
    message:
        "Drawing saliency maps of {params.model}"
    input:
        models=lambda w: targets.model_folders(targets.explained()),
        manifests=targets.per_center(paths.manifest, "external"),
        predictions=lambda w: paths.predictions.format(model=targets.explained(), cohort="external"),
        lnm=targets.per_center(paths.outcome, "external", outcome="lnm"),
        thresholds=targets.thresholds(),
    output:
        explanation=paths.explanation,
    params:
        model=targets.explained(),
        code=digest("explain_model"),
    log:
        paths.log("explain_model"),
    benchmark:
        paths.benchmark("explain_model")
    conda:
        "../../envs/predict.yaml"
    envmodules:
        "hscore/predict",
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(30),
    shell:
        "python -m hscore.steps.explain_model --model {params.model} --model-folders {input.models:q}"
        " --manifests {input.manifests:q} --predictions {input.predictions:q} --lnm {input.lnm:q}"
        " --thresholds {input.thresholds:q} --output {output.explanation:q} > {log:q} 2>&1"
