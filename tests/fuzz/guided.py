"""Coverage-guided fuzzing of one target: `python tests/fuzz/guided.py archive 60` tries for 60 seconds.

Needs atheris. What is found (a crash, or an input that takes over ten seconds) is written into the current folder, and
the exit status is not 0; run the target on that file to see it again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pneumo", "zipfile", "json"]):
    from seeds import write
    from targets import TARGETS


def main() -> None:
    target, seconds = sys.argv[1], sys.argv[2]
    corpus = write(target, Path(tempfile.mkdtemp(prefix=f"pneumo-fuzz-{target}-")))
    options = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=4000", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
