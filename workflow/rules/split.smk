rule split_development:
    """Split the development patients into folds, stratified by centre and node status."""
    message:
        "Splitting the development cohort into folds"
    input:
        manifests=targets.per_center(paths.manifest, "development"),
        lnm=targets.per_center(paths.outcome, "development", outcome="lnm"),
    output:
        folds=paths.folds,
    params:
        settings=as_json(config["split"]),
        seed=config["seed"],
        code=digest("split"),
    log:
        paths.log("split_development"),
    benchmark:
        paths.benchmark("split_development")
    conda:
        "../../envs/split.yaml"
    envmodules:
        "hscore/split",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.split --manifests {input.manifests:q} --lnm {input.lnm:q}"
        " --settings {params.settings:q} --seed {params.seed} --output {output.folds:q} > {log:q} 2>&1"
