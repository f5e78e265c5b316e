rule simulate_atlas:
    """Build the atlas of the pelvis, of which all simulated patients are deformations."""
    message:
        "Building the atlas of the pelvis"
    input:
        parameters=config["simulation"]["parameters"] if study.simulated else [],
    output:
        atlas=directory(paths.atlas),
    params:
        outlines=sha256(f"{workflow.basedir}/resources/pelvis.yaml"),  # the step has the path
        seed=config["seed"],
        code=digest("simulate_atlas"),
    log:
        paths.log("simulate_atlas"),
    benchmark:
        paths.benchmark("simulate_atlas")
    conda:
        "../../envs/simulate.yaml"
    envmodules:
        "hscore/simulate",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.simulate_atlas --parameters {input.parameters:q} --seed {params.seed}"
        " --output {output.atlas:q} > {log:q} 2>&1"


rule simulate_center:
    """Draw a centre's simulated patients: the clinical table, and the planted truth."""
    message:
        "Simulating the patients of {wildcards.center}"
    input:
        parameters=config["simulation"]["parameters"] if study.simulated else [],
    output:
        table=paths.simulated_table,
        truth=paths.truth,
    params:
        center=lambda w: study.centers[w.center],
        scanner=lambda w: study.scanner(w.center),
        shift=config["simulation"]["center_shift"] if study.simulated else "",
        control=lambda w: study.control(w.center),
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
        " --scanner {params.scanner} --patients {params.center[patients]}"
        " --lnm-positive {params.center[lnm_positive]} --center-shift {params.shift} --control {params.control}"
        " --seed {params.seed}"
        " --parameters {input.parameters:q} --table {output.table:q} --truth {output.truth:q} > {log:q} 2>&1"


rule simulate_patient:
    """Write simulated patients' MRI as DICOM of the centre's vendor, with the regions of interest."""
    message:
        "Simulating the images of batch {wildcards.batch} of {wildcards.center}"
    input:
        parameters=config["simulation"]["parameters"] if study.simulated else [],
        atlas=paths.atlas,
        truth=paths.truth,
    output:
        images=paths.simulated_images,
        image_truth=paths.image_truth,
    params:
        patients=targets.patients,
        scanner=lambda w: study.scanner(w.center),
        seed=config["seed"],
        code=digest("simulate_patient"),
    log:
        paths.log("simulate_patient", "{center}/{batch}"),
    benchmark:
        paths.benchmark("simulate_patient", "{center}/{batch}")
    conda:
        "../../envs/simulate.yaml"
    envmodules:
        "hscore/simulate",
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=per_patient(2, targets.patients),
    shell:
        "python -m hscore.steps.simulate_patient --truth {input.truth:q} --atlas {input.atlas:q}"
        " --patients {params.patients} --scanner {params.scanner} --seed {params.seed} --parameters {input.parameters:q}"
        " --images {output.images:q} --image-truth {output.image_truth:q} > {log:q} 2>&1"
