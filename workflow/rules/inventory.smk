rule write_inventory:
    """Every series that a centre delivered: what it is, what it was chosen as or why not, which tags name the patient."""
    message:
        "Listing the series of {wildcards.center}"
    input:
        nifti=targets.per_batch_of_center(paths.nifti),
    output:
        table=paths.inventory,
    params:
        code=digest("inventory"),
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
        "python -m hscore.steps.inventory --nifti @<(printf '%s\\n' {input.nifti:q}) --output {output.table:q} > {log:q} 2>&1"


rule compare_patients:
    """Patients with the same examination or images as another, in one centre or in two; for the eye, it decides nothing."""
    message:
        "Looking for patients who are there twice"
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
