# What people do with hscore, one word each. Needs Python 3.11 or 3.12 with pip, and make; nothing else, no root.

PYTHON = python3
CONFIG = config/config.yaml
CORES = all
VENV = .venv
ENVIRONMENTS = .environments

BIN = $(VENV)/bin
RUN = PATH="$(abspath $(BIN)):$$PATH" PYTHONPATH="$(CURDIR)/workflow/src"
SNAKEMAKE = $(RUN) snakemake --workflow-profile workflow/profiles/local --configfile $(CONFIG) --cores $(CORES)
CODE = workflow/src tests envs config

CONTROLS = permuted_labels noise_images center_only corner_leak

.PHONY: help study recovery controls dry-run verify unlock env environments test test-slurm faults agreement bench montage lint lock envs

help:
	@echo "make study              run the study; CONFIG=config/full.yaml for another, CORES=4 for fewer cores"
	@echo "make recovery           the study, and how far it recovers what was planted in its simulated patients"
	@echo "make controls           four small studies with nothing to find, or a planted leak, each judged"
	@echo "make dry-run            list every job of the study by rule, with counts and reasons; run nothing."
	@echo "                        EXPECT=nothing, or EXPECT='build_cohort=1 report': fail when it is anything else"
	@echo "make verify             train and evaluate a finished study once more, and compare every number"
	@echo "make unlock             after a run was killed: let the next one start"
	@echo "make env                set up the Python environment in $(VENV); every other word does it when needed"
	@echo "make environments       each stage's environment by itself, with modules, in $(ENVIRONMENTS) (--sdm env-modules)"
	@echo "make agreement          every statistic beside R's value (needs the R results in ../shared/data)"
	@echo "make bench              run the study and print what each stage cost, beside the same work with standard parts"
	@echo "make test-slurm         the SLURM profile against a real SLURM, which it installs and starts here (root, Debian)"
	@echo "make faults             kill, fill, lock and corrupt a running study; what it survives (root)"
	@echo "make montage            real and simulated sections side by side (needs the images in ../shared/data)"
	@echo "make test               all tests and checks; make lint: the checks alone"
	@echo "make lock               after a change of requirements*.in: resolve them again"
	@echo "make envs               after a change of imports or locks: write envs/*.yaml again"

# The study

study: env
	@$(SNAKEMAKE) --logger hscore
	@$(RUN) python -m hscore.report.summary --config $(CONFIG)

recovery: env
	@$(SNAKEMAKE) --logger hscore -- recovery
	@$(RUN) python -m hscore.report.summary --config $(CONFIG)

controls: env
	@for control in $(CONTROLS); do \
	  $(MAKE) --no-print-directory control CONFIG=config/controls/$$control.yaml || exit 1; \
	done
	@$(RUN) python -m hscore.recovery.verdicts $(CONTROLS:%=config/controls/%.yaml)

.PHONY: control
control: env
	@$(SNAKEMAKE) --logger hscore -- control

# A dry-run leaves nothing behind, not even Snakemake's own empty folder.
dry-run: env
	@set -e; plan=$$(mktemp); trap "rm -f $$plan$$(test -d .snakemake || echo '; rm -rf .snakemake')" EXIT; \
	$(SNAKEMAKE) --logger hscore --dry-run --logger-hscore-plan $$plan; \
	$(if $(EXPECT),$(RUN) python -m hscore.dag.expect --plan $$plan --expect "$(EXPECT)",true)

# Under another name, so that the finished study stays as it is.
verify: env
	@$(RUN) python -m hscore.provenance.verify --config $(CONFIG) -- $(subst $(RUN) ,,$(SNAKEMAKE)) --logger hscore

unlock: env
	@$(SNAKEMAKE) --unlock

# The environment. It is made anew when the locks change, and completely: one that was interrupted has no stamp.

INSTALLED = $(VENV)/.installed-$(shell cat requirements.torch.txt requirements.lock | cksum | cut -d ' ' -f 1)
INSTALLED_DEV = $(INSTALLED)-dev-$(shell cksum < requirements-dev.lock | cut -d ' ' -f 1)
PIP = $(BIN)/python -m pip -qq --disable-pip-version-check install --no-compile

env: $(INSTALLED)

$(INSTALLED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in [(3, 11), (3, 12)])' || { \
	  echo "error: $(PYTHON) is not Python 3.11 or 3.12; name one: make PYTHON=python3.11 ..." >&2; exit 1; }
	@echo "Setting up the environment in $(VENV); this takes a few minutes, once"
	@set -e; start=$$(date +%s); \
	$(PYTHON) -m venv --clear $(VENV); \
	echo "torch, the largest part ..."; \
	$(PIP) -r requirements.torch.txt; \
	echo "the other packages ..."; \
	$(PIP) --require-hashes --no-deps -r requirements.lock; \
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true; \
	$(BIN)/python -c 'import torch; print("torch", torch.__version__, "for", \
	  "CUDA " + torch.version.cuda if torch.version.cuda else "the CPU", end=", ")'; \
	echo "installed in $$(($$(date +%s) - start)) s"
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	@$(PIP) --force-reinstall --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

# The environments of the stages one by one, exactly as envs/*.yaml say

environments: $(INSTALLED_DEV)
	@$(RUN) python envs/build.py $(ENVIRONMENTS)

# Tests and checks

test: lint
	@$(RUN) python -m pytest -n auto --dist loadfile

# SELECT='gpu or memory' for some of the tests
test-slurm: $(INSTALLED_DEV)
	@$(RUN) python -m pytest -v tests/slurm/run_on_slurm.py $(if $(SELECT),-k "$(SELECT)")

faults: $(INSTALLED_DEV)
	@$(RUN) python tests/faults.py

agreement: $(INSTALLED_DEV)
	@$(RUN) python tests/agreement.py

# The simulation first, so that the time from DICOM to report is one stretch.
bench: $(INSTALLED_DEV)
	@$(PIP) --no-deps -r tests/benchmarks/requirements.txt
	@$(SNAKEMAKE) --logger hscore -- simulate
	@$(SNAKEMAKE) --logger hscore
	@$(RUN) python tests/benchmarks/bench_study.py $(CONFIG)

montage: $(INSTALLED)
	@mkdir -p results && $(RUN) python tests/montage.py results/montage.png

lint: $(INSTALLED_DEV)
	@$(RUN) ruff check $(CODE)
	@$(RUN) ruff format --check --quiet $(CODE)
	@$(RUN) snakefmt --check Snakefile workflow/rules
	@$(RUN) snakemake --lint
	@$(RUN) python envs/generate.py --check

# What is generated

lock: $(INSTALLED_DEV)
	@$(RUN) python envs/lock.py

envs: env
	@$(RUN) python envs/generate.py
