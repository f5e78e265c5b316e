# The commands of hscore. Requirements: Python 3.11 or 3.12 with pip, and make. Root is not needed.

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

.PHONY: help study report recovery controls dry-run verify unlock env env-dev environments test lint lock envs

help:
	@echo "make study              run the study; CONFIG=config/small.yaml selects another, CORES=4 limits the cores"
	@echo "make report             run only what the report page needs, without the record of the run"
	@echo "make recovery           run a simulated study and compare its estimates with the planted truth"
	@echo "make controls           run and judge four small negative controls: nothing to find, or a planted leak"
	@echo "make dry-run            list every job that would run by rule, with counts and reasons; run nothing;"
	@echo "                        EXPECT=nothing, or EXPECT='build_cohort=1 report': fail unless exactly these would run"
	@echo "make verify             train and evaluate a finished study again and compare every number"
	@echo "make unlock             remove the lock that a killed run has left"
	@echo "make env                set up the Python environment in $(VENV); the other commands do so when needed"
	@echo "make environments       build one environment per stage, with modules, in $(ENVIRONMENTS) (--sdm env-modules)"
	@echo "make test               run all tests and checks; make lint runs the checks only"
	@echo "make lock               resolve the dependencies of pyproject.toml again after a change"
	@echo "make envs               write envs/*.yaml again after a change of imports or of the lock"
	@echo "Benchmarks, fault injection, SLURM and comparisons with R: see tests/README.md"

# The study

study: env
	@$(SNAKEMAKE) --logger hscore
	@$(RUN) python -m hscore.report.summary --config $(CONFIG)

report: env
	@$(SNAKEMAKE) --logger hscore -- report

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

# A dry-run leaves no files, not even Snakemake's own empty folder.
dry-run: env
	@set -e; plan=$$(mktemp); trap "rm -f $$plan$$(test -d .snakemake || echo '; rm -rf .snakemake')" EXIT; \
	$(SNAKEMAKE) --logger hscore --dry-run --logger-hscore-plan $$plan; \
	$(if $(EXPECT),$(RUN) python -m hscore.dag.expect --plan $$plan --expect "$(EXPECT)",true)

# Runs under another name, so that the finished study is not changed.
verify: env
	@$(RUN) python -m hscore.provenance.verify --config $(CONFIG) -- $(subst $(RUN) ,,$(SNAKEMAKE)) --logger hscore

unlock: env
	@$(SNAKEMAKE) --unlock

# The environment. It is rebuilt completely when the lock changes; the names of the stamps contain its checksum. An
# interrupted build has no stamp. torch is installed first and without a hash, so that the build suits the machine: the CPU
# wheel if pip is offered one (PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL), otherwise the build of the public index for the platform
# (on Linux, CUDA).

INSTALLED = $(VENV)/.installed-$(shell cksum < requirements.lock | cut -d ' ' -f 1)
INSTALLED_DEV = $(INSTALLED)-dev-$(shell cksum < requirements-dev.lock | cut -d ' ' -f 1)
TORCH = $(shell grep -om 1 'torch==[0-9.]*' pyproject.toml)
PIP = $(BIN)/python -m pip -qq --disable-pip-version-check install --no-compile

env: $(INSTALLED)

env-dev: $(INSTALLED_DEV)

$(INSTALLED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in [(3, 11), (3, 12)])' || { \
	  echo "error: $(PYTHON) is not Python 3.11 or 3.12; run: make PYTHON=python3.11 ..." >&2; exit 1; }
	@echo "Setting up the environment in $(VENV); this takes a few minutes and is done once"
	@set -e; start=$$(date +%s); \
	rm -rf $(VENV); $(PYTHON) -m venv $(VENV); \
	echo "Installing torch, the largest package ..."; \
	$(PIP) $(TORCH); \
	echo "Installing the other packages ..."; \
	$(PIP) --require-hashes --no-deps -r requirements.lock; \
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true; \
	$(BIN)/python -c 'import torch; print("torch", torch.__version__, "for", \
	  "CUDA " + torch.version.cuda if torch.version.cuda else "the CPU", end=", ")'; \
	echo "installed in $$(($$(date +%s) - start)) s"
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	@$(PIP) --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

# One environment per stage, exactly as pinned in envs/*.yaml

environments: $(INSTALLED_DEV)
	@$(RUN) python envs/build.py $(ENVIRONMENTS)

# Tests and checks

test: lint
	@$(RUN) python -m pytest -n auto --dist loadfile

lint: $(INSTALLED_DEV)
	@$(RUN) ruff check $(CODE)
	@$(RUN) ruff format --check --quiet $(CODE)
	@$(RUN) snakefmt --check Snakefile workflow/rules
	@$(RUN) snakemake --lint
	@$(RUN) python envs/generate.py --check

# Generated files

# uv.lock has all packages for all platforms. torch and the dependencies of its CUDA build are not exported: one hash cannot
# serve both the CPU and the CUDA build.
WITHOUT_TORCH = $$(sed -nE 's/^name = "(torch|triton|nvidia-.*|cuda-.*)"/--no-emit-package \1/p' uv.lock)
EXPORT = $(BIN)/uv export --quiet --frozen --no-header --no-emit-project $(WITHOUT_TORCH)

lock: $(INSTALLED_DEV)
	@$(BIN)/uv lock
	@{ echo "# Exported from uv.lock by make lock; do not edit. $(TORCH) is installed first, by pip."; \
	  $(EXPORT) --no-dev; } > requirements.lock
	@{ echo "# Exported from uv.lock by make lock; do not edit. Additional packages for tests and checks."; \
	  $(EXPORT) --only-group dev; } > requirements-dev.lock

envs: env
	@$(RUN) python envs/generate.py
