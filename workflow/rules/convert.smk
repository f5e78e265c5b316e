rule convert_patient:
    """Choose each patient's series, convert DICOM to NIfTI, fit the ADC map, resample the tumour mask to each grid."""
    message:
        "Converting batch {wildcards.batch} of {wildcards.center}"
    input:
        simulated=targets.simulated_images,
    output:
        record=paths.nifti,
    params:
        patients=targets.patients,
        images=targets.images,
        files=lambda w: study.batch_digest(w.center, w.batch),
        settings=as_json(config["convert"]),
        study=config["study"],
        code=digest("convert_patient"),
    log:
        paths.log("convert_patient", "{center}/{batch}"),
    benchmark:
        paths.benchmark("convert_patient", "{center}/{batch}")
    conda:
        "../../envs/convert.yaml"
    envmodules:
        "hscore/convert",
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=per_patient(3, targets.patients),
    shell:
        "python -m hscore.steps.convert_patient --patients {params.patients} --center {wildcards.center}"
        " --images {params.images:q} --simulated {input.simulated:q} --settings {params.settings:q} --study {params.study} --output {output.record:q} > {log:q} 2>&1"
