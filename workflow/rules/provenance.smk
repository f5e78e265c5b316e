rule record_run:
    """Record the inputs, versions and cost of the results as a manifest inside a Workflow Run RO-Crate."""
    message:
        "Recording the run"
    input:
        page=paths.page,
        results=paths.results,
        all=targets.final_outputs(),
    output:
        crate=directory(paths.provenance),
    params:
        tables=study.input_tables(),
        digests=lambda w: study.input_digests(),
        snakemake=snakemake.__version__,
        images=lambda w: as_json({center: study.center_digest(center) for center in study.centers}),
        code=digest("record_run"),
    log:
        paths.log("record_run"),
    benchmark:
        paths.benchmark("record_run")
    conda:
        "../../envs/provenance.yaml"
    envmodules:
        "hscore/provenance",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.record_run --results {input.results:q} --report {input.page:q}"
        " --tables {params.tables:q} --images {params.images:q}"
        " --snakemake {params.snakemake} --output {output.crate:q} > {log:q} 2>&1"
