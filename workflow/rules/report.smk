rule collect_results:
    """Every number of the report in one file, with verdicts against the publication and versions."""
    message:
        "Collecting the results"
    input:
        flows=targets.per_center(paths.flow),
        table1=paths.table1,
        thresholds=targets.thresholds(),
        validation=paths.validation,
        survival=paths.survival,
        models=targets.all_models(),
        explanation=targets.explanation(),
        same_patients=paths.same_patients if study.has_images else [],
        shortcuts=paths.shortcuts if study.has_images else [],
    output:
        results=paths.results,
    params:
        study=config["study"],
        data=config["data"],
        config=as_json({**study.config, "centers": list(study.centers.values())}),
        published=sha256(f"{workflow.basedir}/resources/published.yaml"),  # the step knows where
        code=digest("results"),
    log:
        paths.log("collect_results"),
    benchmark:
        paths.benchmark("collect_results")
    conda:
        "../../envs/report.yaml"
    envmodules:
        "hscore/report",
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.results --study {params.study} --data {params.data} --config {params.config:q}"
        " --flows {input.flows:q} --table1 {input.table1:q} --thresholds {input.thresholds:q}"
        " --validation {input.validation:q} --survival {input.survival:q} --models {input.models:q}"
        " --same-patients {input.same_patients:q} --explanation {input.explanation:q} --shortcuts {input.shortcuts:q}"
        " --output {output.results:q} > {log:q} 2>&1"


rule report:
    """The page, its figures and its tables; computes nothing."""
    message:
        "Writing the report"
    input:
        results=paths.results,
    output:
        page=paths.page,
        figures=directory(paths.figures),
        tables=directory(paths.tables),
    params:
        code=digest("report"),
    log:
        paths.log("report"),
    benchmark:
        paths.benchmark("report")
    conda:
        "../../envs/report.yaml"
    envmodules:
        "hscore/report",
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.report --results {input.results:q} --output {output.page:q}"
        " --figures {output.figures:q} --tables {output.tables:q} > {log:q} 2>&1"
