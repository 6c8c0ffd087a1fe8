# make report   the book: _book/index.html and its PDF
# make test     the checks of `make lint`, then the tests
# make demo     the same book from synthetic radiographs, everything trained from scratch for a tenth of the epochs
# make stress   a hundred kills, two hundred experiments in a row, fuzzing, intervals simulated, mutations (hours)
# make audit    known weaknesses of the locked packages, where an advisory database can be reached
# make lint     ruff, types (pyright), who may import whom, and the workflows against their schema
# make dist     the wheel and the source distribution, in dist/
# make bench    the claims about speed, measured again (25 minutes, on an idle machine)
# Each sets up what it needs (.venv, from requirements.lock) and says what it does.

# The first Python that starts and runs pneumo: the environment's own, else the system's. An older or a newer one, and a
# name that leads nowhere, are passed over. Another one: make PYTHON=/path/to/python3.13
PYTHONS := .venv/bin/python python3 python3.14 python3.13 python3.12 python3.11
PYTHON ?= $(shell for python in $(PYTHONS); do \
	if $$python tools/setup.py --supported 2>/dev/null; then echo $$python; exit; fi; done; echo python3)
RUN := .venv/bin/python

.PHONY: report test demo bench audit stress fuzz mutate lint lock dist clean .venv/.ready

report: .venv/.ready
	@$(RUN) -m tools.report

demo: .venv/.ready
	@$(RUN) -m tools.report --profile demo

test: lint
	@$(RUN) -m pytest

stress: .venv/.ready fuzz mutate
	@OMP_NUM_THREADS=1 $(RUN) -m pytest -s --timeout 7200 tests/stress/stress_*.py

# Seconds for each target. Atheris and cosmic-ray are not in the lock: what they find is for whoever changes the code.
FUZZ_SECONDS ?= 300

fuzz: .venv/.ready
	@$(RUN) -m pip install --quiet "atheris==3.0.0"
	@for target in archive image record name; do $(RUN) tests/fuzz/guided.py $$target $(FUZZ_SECONDS) || exit 1; done

mutate: .venv/.ready
	@$(RUN) -m pip install --quiet "cosmic-ray>=8.7"
	@$(RUN) tests/stress/mutation.py

bench: .venv/.ready
	@$(RUN) -m benchmarks

# pip-audit is not in the lock: what it finds is for whoever changes the dependencies.
audit: .venv/.ready
	@$(RUN) -m pip install --quiet "pip-audit>=2.10"
	@$(RUN) -m pip_audit --requirement requirements.lock --require-hashes --disable-pip

lint: .venv/.ready
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check --quiet
	@$(RUN) -m basedpyright --level error
	@PYTHONPATH=. .venv/bin/lint-imports --no-cache --no-logo
	@$(RUN) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

# The lock names no index, so it serves any mirror. Needs uv; run after a change of the dependencies in pyproject.toml.
lock:
	uv pip compile pyproject.toml --extra book --extra test --extra lint --universal --python-version 3.11 --quiet \
		--generate-hashes --no-emit-index-url --no-header --output-file requirements.lock

# The locked setuptools builds them, so a release can be built again. In dist/: the wheel and the source distribution.
dist: .venv/.ready
	@rm -rf dist build
	@$(RUN) -c "from setuptools import build_meta as b; b.build_sdist('dist'); b.build_wheel('dist')" > /dev/null
	@rm -rf build
	@ls dist

clean:
	rm -rf _book _book-demo _variables.yml .jupyter_cache* report/.jupyter_cache* dist

# Makes or mends the environment. It is asked every time, for it alone knows whether the environment is whole.
.venv/.ready:
	@$(PYTHON) tools/setup.py
