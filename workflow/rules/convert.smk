rule convert_patient:
    """Pick a patient's series, convert DICOM to NIfTI, fit the ADC map, bring the tumour mask onto each grid."""
    message:
        "Converting {wildcards.patient}"
    input:
        targets.simulated_images,
    output:
        folder=directory(paths.nifti),
    params:
        images=targets.images,
        files=lambda w: study.images_digest(w.center, w.patient),
        settings=as_json(config["convert"]),
        study=config["study"],
        code=digest("convert"),
    log:
        paths.log("convert_patient", "{center}/{patient}"),
    benchmark:
        paths.benchmark("convert_patient", "{center}/{patient}")
    conda:
        "../../envs/convert.yaml"
    envmodules:
        "hscore/convert",
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(3),
    shell:
        "python -m hscore.steps.convert --patient {wildcards.patient} --center {wildcards.center}"
        " --images {params.images:q} --settings {params.settings:q} --study {params.study} --output {output.folder:q} > {log:q} 2>&1"
