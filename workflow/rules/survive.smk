rule analyze_survival:
    """Analyse disease-free survival by H score: Kaplan-Meier, log-rank, Cox."""
    message:
        "Analysing survival"
    input:
        development=targets.predictions("development", config["survive"]["model"]),
        external=targets.predictions("external", config["survive"]["model"]),
        manifests=targets.per_center(paths.manifest),
        dfs=targets.per_center(paths.outcome, outcome="dfs"),
        lnm=targets.per_center(paths.outcome, outcome="lnm"),
        thresholds=targets.thresholds(),
        frozen_survival=targets.frozen_survival(),
    output:
        survival=paths.survival,
    params:
        settings=as_json(config["survive"]),
        code=digest("analyze_survival"),
    log:
        paths.log("analyze_survival"),
    benchmark:
        paths.benchmark("analyze_survival")
    conda:
        "../../envs/survive.yaml"
    envmodules:
        "hscore/survive",
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    shell:
        "python -m hscore.steps.analyze_survival --development {input.development:q} --external {input.external:q}"
        " --manifests {input.manifests:q} --dfs {input.dfs:q} --lnm {input.lnm:q}"
        " --thresholds {input.thresholds:q} --frozen-survival {input.frozen_survival:q} --settings {params.settings:q}"
        " --output {output.survival:q} > {log:q} 2>&1"
