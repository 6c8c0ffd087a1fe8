# make report   the book: _book/index.html and its PDF
# make test     the tests
# make demo     the same book from synthetic radiographs, everything trained from scratch
# make bench    the claims about speed, measured again (25 minutes, on an idle machine)
# Each sets up what it needs (.venv, from requirements.lock) and says what it does.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
RUN := .venv/bin/python

.PHONY: report test demo bench lint lock clean

report: .venv/.ready
	@$(RUN) -m tools.report

demo: .venv/.ready
	@$(RUN) -m tools.report --profile demo

test: .venv/.ready
	@$(RUN) -m ruff check
	@$(RUN) -m pytest

bench: .venv/.ready
	@$(RUN) -m benchmarks

lint: .venv/.ready
	@$(RUN) -m ruff check

# The lock names no index, so it serves any mirror. Needs uv; run after a change of the dependencies in pyproject.toml.
lock:
	uv pip compile pyproject.toml --extra book --extra test --universal --python-version 3.11 --quiet \
		--generate-hashes --no-emit-index-url --no-header --output-file requirements.lock

clean:
	rm -rf _book _book-demo _variables.yml .jupyter_cache* report/.jupyter_cache*

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) tools/setup.py
