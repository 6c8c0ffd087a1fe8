"""Mutation testing: the code is changed a little in every place, and a test must fail for it.

`python tests/stress/mutation.py` tries splits, metrics and records, `python tests/stress/mutation.py splits 60` sixty
changes of the splits, drawn at random. Works in a copy; the work tree stays as it is. Needs cosmic-ray.
"""

from __future__ import annotations

import ast
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = {
    "splits": ("pneumo/data/splits.py", "tests/data/test_splits.py"),
    "metrics": ("pneumo/evaluation/metrics.py", "tests/test_evaluation.py tests/test_statistics.py"),
    "records": ("pneumo/records.py", "tests/test_records.py tests/fuzz"),
}
"""Name: the module, and the tests that are to notice."""

WANTED = 0.85
"""Share of the changes that must be noticed."""

CONFIG = """[cosmic-ray]
module-path = "{module}"
timeout = 120.0
excluded-modules = []
test-command = "{python} -m pytest -q -x -p no:cacheprovider {tests}"
distributor.name = "local"
"""


def main() -> int:
    names = sys.argv[1:2] or list(MODULES)
    most = int(sys.argv[2]) if len(sys.argv) > 2 else None
    shares = [_share_killed(name, most) for name in names]
    return 0 if min(shares) >= WANTED else 1


def _share_killed(name: str, most: int | None) -> float:
    module, tests = MODULES[name]
    with tempfile.TemporaryDirectory(prefix="pneumo-mutation-") as folder:
        copy = Path(folder)
        for part in ("pneumo", "tests", "records"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        (copy / "mutation.toml").write_text(CONFIG.format(module=module, python=sys.executable, tests=tests))
        _cosmic_ray(copy, "baseline", "mutation.toml")  # tests that fail anyhow would seem to notice everything
        _cosmic_ray(copy, "init", "mutation.toml", "session.sqlite")
        _leave_out_annotations(copy / "session.sqlite", (ROOT / module).read_text())
        if most is not None:
            _keep(copy / "session.sqlite", most)
        _cosmic_ray(copy, "exec", "mutation.toml", "session.sqlite")
        dump = _cosmic_ray(copy, "dump", "session.sqlite")
    results = [json.loads(line) for line in dump.splitlines()]
    tried = [(item, result) for item, result in results if result]
    alive = [(item, result) for item, result in tried if result["test_outcome"] == "survived"]
    for _, result in alive:
        print(result["diff"])
    share = 1 - len(alive) / len(tried)
    print(f"{name}: {len(tried) - len(alive)} of {len(tried)} changes noticed, {share:.0%}")
    return share


def _cosmic_ray(folder: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "cosmic_ray.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def _leave_out_annotations(session: Path, source: str) -> None:
    """Drop the changes of types that are never evaluated (`from __future__ import annotations`): nothing can notice."""
    spans = [
        (note.lineno, note.col_offset, note.end_lineno, note.end_col_offset)
        for node in ast.walk(ast.parse(source))
        for note in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if note is not None
    ]
    with sqlite3.connect(session) as database:
        found = database.execute("select job_id, start_pos_row, start_pos_col from mutation_specs").fetchall()
        for job, row, column in found:
            if any((top, left) <= (row, column) < (bottom, right) for top, left, bottom, right in spans):
                _drop(database, job)


def _keep(session: Path, most: int) -> None:
    """Leave a random choice of the changes in a session."""
    with sqlite3.connect(session) as database:
        jobs = [job for (job,) in database.execute("select job_id from work_items order by job_id")]
        for job in random.Random(0).sample(jobs, max(0, len(jobs) - most)):
            _drop(database, job)


def _drop(database: sqlite3.Connection, job: str) -> None:
    for table in ("mutation_specs", "work_items"):
        database.execute(f"delete from {table} where job_id = ?", (job,))


if __name__ == "__main__":
    sys.exit(main())
