# Optional target: a nested search over training settings. The study does not depend on it. To apply its recommendation,
# copy it into the config.


rule search_settings:
    """Choose settings by cross-validation within the training patients of one fold, and score the held-out ones."""
    message:
        "Searching settings, {wildcards.part}"
    input:
        folds=paths.folds,
        manifests=targets.per_center(paths.manifest, "development"),
    output:
        part=paths.search_part,
    params:
        model=lambda w: targets.search_model(),
        spec=lambda w: as_json(config["models"][targets.search_model()]),
        settings=lambda w: as_json(study.training(targets.search_model())),
        search=as_json(config["search"]),
        seed=config["seed"],
        state=paths.search_state,
        code=digest("search_settings"),
    log:
        paths.log("search_settings", "{part}"),
    benchmark:
        paths.benchmark("search_settings", "{part}")
    conda:
        "../../envs/train.yaml"
    envmodules:
        "hscore/train",
    threads: config["train"]["threads"]
    resources:
        mem_mb=growing(4000),
        runtime=growing(1440),
        gpu=int(config["train"]["device"] == "gpu"),
    # as in train_model
    shell:
        "export MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_TOP_PAD_=268435456;"
        " python -m hscore.steps.search_settings --model {params.model} --spec {params.spec:q} --settings {params.settings:q}"
        " --search {params.search:q} --part {wildcards.part} --seed {params.seed} --folds {input.folds:q}"
        " --manifests {input.manifests:q} --state {params.state:q} --output {output.part:q} > {log:q} 2>&1"


rule summarize_search:
    """Report the chosen settings, and the performance of the search next to that of the current settings."""
    message:
        "Summarising the search"
    input:
        parts=targets.search_parts,
        predictions=lambda w: paths.predictions.format(model=targets.search_model(), cohort="development"),
        folds=paths.folds,
    output:
        search=paths.search,
    params:
        settings=as_json({"confidence": config["validate"]["confidence"]}),
        code=digest("summarize_search"),
    log:
        paths.log("summarize_search"),
    benchmark:
        paths.benchmark("summarize_search")
    conda:
        "../../envs/validate.yaml"
    envmodules:
        "hscore/validate",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.summarize_search --parts {input.parts:q} --predictions {input.predictions:q}"
        " --folds {input.folds:q} --settings {params.settings:q} --output {output.search:q} > {log:q} 2>&1"
