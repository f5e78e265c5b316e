rule sample_patient:
    """Crop the tumour box and the expanded box from three adjacent sections at a time."""
    message:
        "Sampling batch {wildcards.batch} of {wildcards.center}"
    input:
        nifti=paths.nifti,
        normalized=paths.normalized,
    output:
        record=paths.samples,
    params:
        settings=as_json(config["sample"]),
        code=digest("sample_patient"),
    log:
        paths.log("sample_patient", "{center}/{batch}"),
    benchmark:
        paths.benchmark("sample_patient", "{center}/{batch}")
    conda:
        "../../envs/sample.yaml"
    envmodules:
        "hscore/sample",
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=per_patient(2, targets.patients),
    shell:
        "python -m hscore.steps.sample_patient --nifti {input.nifti:q} --normalized {input.normalized:q}"
        " --settings {params.settings:q} --output {output.record:q} > {log:q} 2>&1"
