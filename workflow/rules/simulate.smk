rule simulate_center:
    """Draw a centre's simulated patients: the clinical table, and the truth that only this stage reads."""
    message:
        "Simulating the patients of {wildcards.center}"
    input:
        parameters=config["simulation"]["parameters"] if study.simulated else [],
    output:
        table=paths.simulated_table,
        truth=paths.truth,
    params:
        center=lambda w: study.centers[w.center],
        seed=config["seed"],
        code=digest("simulate_center"),
    log:
        paths.log("simulate_center", "{center}"),
    benchmark:
        paths.benchmark("simulate_center", "{center}")
    conda:
        "../../envs/simulate.yaml"
    envmodules:
        "hscore/simulate",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.simulate_center --center {wildcards.center}"
        " --scanner {params.center[scanner]} --patients {params.center[patients]}"
        " --lnm-positive {params.center[lnm_positive]} --seed {params.seed}"
        " --parameters {input.parameters:q} --table {output.table:q} --truth {output.truth:q} > {log:q} 2>&1"


rule simulate_patient:
    """Write a simulated patient's MRI as DICOM of the centre's vendor, with the region of interest."""
    message:
        "Simulating the images of {wildcards.patient}"
    input:
        parameters=config["simulation"]["parameters"] if study.simulated else [],
        truth=paths.truth,
    output:
        images=directory(paths.simulated_images),
    params:
        scanner=lambda w: study.centers[w.center]["scanner"],
        seed=config["seed"],
        code=digest("simulate_patient"),
    log:
        paths.log("simulate_patient", "{center}/{patient}"),
    benchmark:
        paths.benchmark("simulate_patient", "{center}/{patient}")
    conda:
        "../../envs/simulate.yaml"
    envmodules:
        "hscore/simulate",
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(2),
    shell:
        "python -m hscore.steps.simulate_patient --truth {input.truth:q} --patient {wildcards.patient}"
        " --scanner {params.scanner} --seed {params.seed} --parameters {input.parameters:q}"
        " --output {output.images:q} > {log:q} 2>&1"
