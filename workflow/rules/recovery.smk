# Evaluation of the workflow on simulated patients. Besides these rules and the simulation, only `collect_results` reads the
# planted truth. Of the outputs of these rules, it reads only the hazard ratios.


rule monte_carlo_truth:
    """Compute the true values of the statistics in the Monte-Carlo studies."""
    message:
        "Computing the truth of the scenario {wildcards.scenario}"
    input:
        parameters=config["simulation"]["parameters"] if study.simulated else [],
    output:
        truth=paths.monte_carlo_truth,
    params:
        settings=targets.monte_carlo_settings(),
        seed=config["seed"],
        code=digest("monte_carlo_truth"),
    log:
        paths.log("monte_carlo_truth", "{scenario}"),
    benchmark:
        paths.benchmark("monte_carlo_truth", "{scenario}")
    conda:
        "../../envs/recovery.yaml"
    envmodules:
        "hscore/recovery",
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    shell:
        "python -m hscore.steps.monte_carlo_truth --parameters {input.parameters:q} --scenario {wildcards.scenario}"
        " --settings {params.settings:q} --seed {params.seed} --output {output.truth:q} > {log:q} 2>&1"


rule monte_carlo_batch:
    """Run studies of latent scores, without images, through the statistics stages."""
    message:
        "Monte-Carlo studies, scenario {wildcards.scenario}, batch {wildcards.batch}"
    input:
        parameters=config["simulation"]["parameters"] if study.simulated else [],
        truth=paths.monte_carlo_truth,
    output:
        numbers=paths.monte_carlo_batch,
    params:
        settings=targets.monte_carlo_settings(),
        studies=config["simulation"]["monte_carlo"]["studies"] if study.simulated else 0,
        seed=config["seed"],
        code=digest("monte_carlo_batch"),
    wildcard_constraints:
        scenario="planted|null",
        batch="[0-9]+",
    log:
        paths.log("monte_carlo_batch", "{scenario}-{batch}"),
    benchmark:
        paths.benchmark("monte_carlo_batch", "{scenario}-{batch}")
    conda:
        "../../envs/recovery.yaml"
    envmodules:
        "hscore/recovery",
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    shell:
        "python -m hscore.steps.monte_carlo_batch --parameters {input.parameters:q} --scenario {wildcards.scenario}"
        " --truth {input.truth:q} --settings {params.settings:q} --studies {params.studies}"
        " --batch {wildcards.batch} --seed {params.seed} --output {output.numbers:q} > {log:q} 2>&1"


rule summarize_monte_carlo:
    """Summarise the coverage of every interval, the bias of every estimate and the size of every test."""
    message:
        "Summarising the Monte-Carlo studies"
    input:
        truths=targets.monte_carlo_truths(),
        batches=targets.monte_carlo_batches() if study.simulated else [],
    output:
        summary=paths.monte_carlo,
    params:
        confidence=config["validate"]["confidence"],
        code=digest("summarize_monte_carlo"),
    log:
        paths.log("summarize_monte_carlo"),
    benchmark:
        paths.benchmark("summarize_monte_carlo")
    conda:
        "../../envs/recovery.yaml"
    envmodules:
        "hscore/recovery",
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.summarize_monte_carlo --truths {input.truths:q} --batches {input.batches:q}"
        " --confidence {params.confidence} --output {output.summary:q} > {log:q} 2>&1"


rule compare_hazard_ratios:
    """Compare the hazard ratio of the study with the planted one and with that expected for its groups."""
    message:
        "Comparing the hazard ratio with the planted one"
    input:
        development=targets.predictions("development", config["survive"]["model"]),
        external=targets.predictions("external", config["survive"]["model"]),
        survival=paths.survival,
        truths=targets.per_center(paths.truth),
    output:
        ratios=paths.hazard_ratios,
    params:
        confidence=config["survive"]["confidence"],
        code=digest("compare_hazard_ratios"),
    log:
        paths.log("compare_hazard_ratios"),
    benchmark:
        paths.benchmark("compare_hazard_ratios")
    conda:
        "../../envs/recovery.yaml"
    envmodules:
        "hscore/recovery",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.compare_hazard_ratios --development {input.development:q} --external {input.external:q}"
        " --survival {input.survival:q} --truths {input.truths:q} --confidence {params.confidence}"
        " --output {output.ratios:q} > {log:q} 2>&1"


rule compare_with_truth:
    """Write the page that compares the estimates of the study with the planted truth."""
    message:
        "Comparing the study with the planted truth"
    input:
        parameters=config["simulation"]["parameters"] if study.simulated else [],
        truths=targets.per_center(paths.truth),
        image_truth=targets.per_batch(paths.image_truth),
        nifti=targets.per_batch(paths.nifti),
        samples=targets.per_batch(paths.samples),
        manifests=targets.per_center(paths.manifest),
        validation=paths.validation,
        hazard_ratios=paths.hazard_ratios,
        monte_carlo=paths.monte_carlo,
    output:
        numbers=paths.recovery,
        page=paths.recovery_page,
    params:
        study=config["study"],
        models=as_json(study.config["models"]),
        confidence=config["validate"]["confidence"],
        centers=targets.centers(),
        roles=targets.roles(),
        code=digest("compare_with_truth"),
    log:
        paths.log("compare_with_truth"),
    benchmark:
        paths.benchmark("compare_with_truth")
    conda:
        "../../envs/recovery.yaml"
    envmodules:
        "hscore/recovery",
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    shell:
        "python -m hscore.steps.compare_with_truth --study {params.study} --parameters {input.parameters:q} --models {params.models:q}"
        " --confidence {params.confidence} --centers {params.centers} --roles {params.roles} --truths {input.truths:q}"
        " --manifests {input.manifests:q} --image-truth @<(printf '%s\\n' {input.image_truth:q})"
        " --nifti @<(printf '%s\\n' {input.nifti:q}) --samples @<(printf '%s\\n' {input.samples:q})"
        " --validation {input.validation:q} --hazard-ratios {input.hazard_ratios:q} --monte-carlo {input.monte_carlo:q}"
        " --output {output.numbers:q} --page {output.page:q} > {log:q} 2>&1"


rule judge_control:
    """Check that a negative control found nothing, and that its guard found what was planted."""
    message:
        "Judging the control"
    input:
        development=targets.predictions("development"),
        external=targets.predictions("external"),
        folds=paths.folds,
        lnm=targets.per_center(paths.outcome, "external", outcome="lnm"),
        shortcuts=paths.shortcuts,
    output:
        verdict=paths.control,
    params:
        control=config["simulation"]["control"] if study.simulated else "none",
        models=as_json(study.config["models"]),
        external_centers=study.centers_of("external"),
        code=digest("judge_control"),
    log:
        paths.log("judge_control"),
    benchmark:
        paths.benchmark("judge_control")
    conda:
        "../../envs/recovery.yaml"
    envmodules:
        "hscore/recovery",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m hscore.steps.judge_control --control {params.control} --models {params.models:q}"
        " --development {input.development:q} --external {input.external:q} --folds {input.folds:q}"
        " --external-centers {params.external_centers} --lnm {input.lnm:q} --shortcuts {input.shortcuts:q}"
        " --output {output.verdict:q} > {log:q} 2>&1"
