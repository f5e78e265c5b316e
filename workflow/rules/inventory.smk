rule write_inventory:
    """List every series of a centre: its content, its use or why it was not used, and its identifying tags."""
    message:
        "Listing the series of {wildcards.center}"
    input:
        nifti=targets.per_batch_of_center(paths.nifti),
    output:
        table=paths.inventory,
    params:
        code=digest("write_inventory"),
    log:
        paths.log("write_inventory", "{center}"),
    benchmark:
        paths.benchmark("write_inventory", "{center}")
    conda:
        "../../envs/convert.yaml"
    envmodules:
        "hscore/convert",
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.write_inventory --nifti @<(printf '%s\\n' {input.nifti:q}) --output {output.table:q} > {log:q} 2>&1"


rule compare_patients:
    """List patients who share an examination or images, within or across centres; informational, excludes no one."""
    message:
        "Looking for duplicate patients"
    input:
        nifti=targets.per_batch(paths.nifti),
    output:
        groups=paths.same_patients,
    params:
        code=digest("compare_patients"),
    log:
        paths.log("compare_patients"),
    benchmark:
        paths.benchmark("compare_patients")
    conda:
        "../../envs/convert.yaml"
    envmodules:
        "hscore/convert",
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.compare_patients --nifti @<(printf '%s\\n' {input.nifti:q}) --output {output.groups:q} > {log:q} 2>&1"
