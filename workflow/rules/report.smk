rule describe_images:
    """Describe the imaging protocol of every centre from its headers, and its image quality; for the report only."""
    message:
        "Describing the images"
    input:
        inventories=targets.per_center(paths.inventory),
        quality=targets.per_batch(paths.quality),
    output:
        imaging=paths.imaging,
    params:
        centers=targets.centers(),
        sequences=list(config["convert"]["sequences"]),
        code=digest("describe_images"),
    log:
        paths.log("describe_images"),
    benchmark:
        paths.benchmark("describe_images")
    conda:
        "../../envs/report.yaml"
    envmodules:
        "hscore/report",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.describe_images --centers {params.centers} --inventories {input.inventories:q}"
        " --quality @<(printf '%s\\n' {input.quality:q}) --sequences {params.sequences:q}"
        " --output {output.imaging:q} > {log:q} 2>&1"


rule show_cases:
    """Collect all scores for the waterfall, and choose typical patients and the worst errors, with their pictures."""
    message:
        "Choosing the cases to show"
    input:
        development=targets.predictions("development"),
        external=targets.predictions("external"),
        manifests=targets.per_center(paths.manifest),
        lnm=targets.per_center(paths.outcome, outcome="lnm"),
        dfs=targets.per_center(paths.outcome, outcome="dfs"),
        thresholds=targets.thresholds(),
        quality=targets.per_batch(paths.quality),
    output:
        cases=paths.cases,
    params:
        model=config["survive"]["model"],
        most=config["report"]["cases"],
        code=digest("show_cases"),
    log:
        paths.log("show_cases"),
    benchmark:
        paths.benchmark("show_cases")
    conda:
        "../../envs/validate.yaml"
    envmodules:
        "hscore/validate",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.show_cases --model {params.model} --most {params.most} --development {input.development:q}"
        " --external {input.external:q} --manifests {input.manifests:q} --lnm {input.lnm:q} --dfs {input.dfs:q}"
        " --thresholds {input.thresholds:q} --quality @<(printf '%s\\n' {input.quality:q})"
        " --output {output.cases:q} > {log:q} 2>&1"


rule collect_results:
    """Collect every number of the report in one file, with verdicts against the publication and versions."""
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
        imaging=targets.imaging(),
        cases=paths.cases,
        truth=targets.per_center(paths.truth)[0] if study.simulated else [],
        hazard_ratios=paths.hazard_ratios if study.simulated else [],
        same_patients=paths.same_patients if study.has_images else [],
        shortcuts=paths.shortcuts if study.has_images else [],
    output:
        results=report(
            paths.results,
            caption="../report/results.rst",
            category="Report",
            labels={"What": "Every number (results.json)"},
        ),
    params:
        study=config["study"],
        data=config["data"],
        config=as_json({**study.config, "centers": list(study.centers.values())}),
        published=sha256(f"{workflow.basedir}/resources/published.yaml"),  # the step has the path
        code=digest("collect_results"),
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
        "python -m hscore.steps.collect_results --study {params.study} --data {params.data} --config {params.config:q}"
        " --flows {input.flows:q} --table1 {input.table1:q} --thresholds {input.thresholds:q}"
        " --validation {input.validation:q} --survival {input.survival:q} --models {input.models:q}"
        " --same-patients {input.same_patients:q} --explanation {input.explanation:q} --shortcuts {input.shortcuts:q}"
        " --imaging {input.imaging:q} --cases {input.cases:q}"
        " --truth {input.truth:q} --hazard-ratios {input.hazard_ratios:q}"
        " --output {output.results:q} > {log:q} 2>&1"


rule report:
    """Write the page, its figures and its tables; nothing is computed here."""
    message:
        "Writing the report"
    input:
        results=paths.results,
    output:
        page=report(
            paths.page,
            caption="../report/page.rst",
            category="Report",
            labels={"What": "The whole report"},
        ),
        figures=report(
            directory(paths.figures),
            patterns=["{figure}.svg"],
            caption="../report/figure.rst",
            category=report_items.subject,
            subcategory=report_items.kind,
            labels=report_items.labels,
        ),
        tables=report(
            directory(paths.tables),
            patterns=["{table}.csv"],
            caption="../report/table.rst",
            category=report_items.subject,
            subcategory=report_items.kind,
            labels=report_items.labels,
        ),
    params:
        captions=report_items.Captions(),
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
