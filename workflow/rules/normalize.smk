rule normalize_patient:
    """Correct the coil's bias field and normalise the intensity of each sequence."""
    message:
        "Normalising batch {wildcards.batch} of {wildcards.center}"
    input:
        nifti=paths.nifti,
    output:
        record=paths.normalized,
    params:
        settings=as_json(config["normalize"]),
        code=digest("normalize_patient"),
    log:
        paths.log("normalize_patient", "{center}/{batch}"),
    benchmark:
        paths.benchmark("normalize_patient", "{center}/{batch}")
    conda:
        "../../envs/normalize.yaml"
    envmodules:
        "hscore/normalize",
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=per_patient(5, targets.patients),
    shell:
        "python -m hscore.steps.normalize_patient --nifti {input.nifti:q} --settings {params.settings:q}"
        " --output {output.record:q} > {log:q} 2>&1"
