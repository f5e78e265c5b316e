rule normalize_patient:
    """Correct the coil's bias field and normalise the intensity of each sequence."""
    message:
        "Normalising {wildcards.patient}"
    input:
        nifti=paths.nifti,
    output:
        folder=directory(paths.normalized),
    params:
        settings=as_json(config["normalize"]),
        code=digest("normalize"),
    log:
        paths.log("normalize_patient", "{center}/{patient}"),
    benchmark:
        paths.benchmark("normalize_patient", "{center}/{patient}")
    conda:
        "../../envs/normalize.yaml"
    envmodules:
        "hscore/normalize",
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
    shell:
        "python -m hscore.steps.normalize --nifti {input.nifti:q} --settings {params.settings:q}"
        " --output {output.folder:q} > {log:q} 2>&1"
