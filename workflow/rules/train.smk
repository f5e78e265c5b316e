rule train_model:
    """Train one model on all folds with one seed (on a GPU, with all seeds); an interrupted training resumes."""
    message:
        "Training {wildcards.model}, seed {wildcards.seed}"
    input:
        folds=paths.folds,
        manifests=targets.per_center(paths.manifest, "development"),
        scores=targets.fused(paths.predictions, cohort="development"),
    output:
        folder=directory(paths.model),
    params:
        spec=targets.model_spec,
        settings=targets.training_settings,
        seeds=targets.seeds,
        state=paths.training_state,
        code=digest("train_model"),
    log:
        paths.log("train_model", "{model}/seed-{seed}"),
    benchmark:
        paths.benchmark("train_model", "{model}/seed-{seed}")
    conda:
        "../../envs/train.yaml"
    envmodules:
        "hscore/train",
    threads: targets.threads
    priority: targets.longest_first
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
        gpu=targets.needs_gpu,
    # Otherwise glibc returns the memory of the batch and requests it again at every step: about 15 % of the time.
    shell:
        "export MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_TOP_PAD_=268435456;"
        " python -m hscore.steps.train_model --model {wildcards.model} --spec {params.spec:q} --settings {params.settings:q}"
        " --seeds {params.seeds} --folds {input.folds:q} --manifests {input.manifests:q} --scores {input.scores:q}"
        " --state {params.state:q} --output {output.folder:q} > {log:q} 2>&1"
