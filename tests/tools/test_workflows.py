"""The workflows: against GitHub's schema as check-jsonschema ships it, with no right more than each job needs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pneumo import experiments
from tools import report

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github/workflows"
PATHS = sorted(FOLDER.glob("*"))
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in PATHS}
TRUSTED = ("actions/", "quarto-dev/quarto-actions/", "pypa/gh-action-pypi-publish@", "./.github/workflows/")


def jobs() -> list[dict]:
    return [job for workflow in WORKFLOWS.values() for job in workflow["jobs"].values()]


def steps() -> list[dict]:
    return [step for job in jobs() for step in job.get("steps", ())]


def uses() -> list[str]:
    called = [job["uses"] for job in jobs() if "uses" in job]
    return called + [step["uses"] for step in steps() if "uses" in step]


def test_there_are_three_workflows():
    assert [path.name for path in PATHS] == ["book.yml", "release.yml", "tests.yml"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_workflow_follows_the_schema(path):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", path]
    run = subprocess.run(command, text=True, capture_output=True)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_read_the_repository_and_nothing_else_unless_a_job_says_so(name):
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}


def test_only_these_jobs_may_write():
    wider = {
        f"{name}/{job}": set(content["permissions"]) - {"contents"} | ({"contents"} & writes(content["permissions"]))
        for name, workflow in WORKFLOWS.items()
        for job, content in workflow["jobs"].items()
        if writes(content.get("permissions", {}))
    }
    assert wider == {
        "book/publish": {"pages", "id-token"},
        "release/book": {"pages", "id-token"},  # a called workflow is given no more than its caller has
        "release/upload": {"id-token"},
        "release/release": {"contents"},
    }


def writes(permissions: dict[str, str]) -> set[str]:
    return {right for right, level in permissions.items() if level == "write"}


def test_checkouts_leave_no_credentials_behind():
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_actions_are_of_known_owners_at_a_fixed_major():
    assert uses()
    assert all(name.startswith(TRUSTED) for name in uses())
    assert all(re.search(r"@(v\d+|release/v1)$", name) for name in uses() if not name.startswith("./"))


def test_what_is_built_is_built_by_make():
    targets = set(re.findall(r"^([a-z./]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    called = [step["run"].split()[1] for step in steps() if step.get("run", "").startswith("make ")]
    assert {"test", "lint", "report", "dist"} == set(called) <= targets


def test_no_expression_is_pasted_into_a_script():
    assert not [step["run"] for step in steps() if "${{" in step.get("run", "")]


def test_the_book_is_rendered_with_a_quarto_that_is_new_enough():
    (setup,) = [step for step in steps() if step.get("uses", "").startswith("quarto-dev/quarto-actions/setup@")]
    _, settings = (ROOT / ".devcontainer/devcontainer.json").read_text().split("\n", 1)  # the first line is a comment
    container = json.loads(settings)
    (quarto,) = [options["version"] for feature, options in container["features"].items() if "/quarto-cli:" in feature]
    assert setup["with"]["version"] == quarto
    assert tuple(int(part) for part in quarto.split(".")[:2]) >= report.QUARTO_NEEDED


def test_the_hooks_before_a_commit_run_the_locked_ruff():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    assert all(hook["entry"].startswith(".venv/bin/python -m ruff ") for hook in repository["hooks"])


def test_the_demo_runs_what_the_study_calls_everything():
    assert {each.key for each in experiments.find_experiments(report.EVERYTHING)} == {
        each.key for each in experiments.all_experiments()
    }
