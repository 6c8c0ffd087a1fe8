"""What stops a render."""

from __future__ import annotations

from collections.abc import Iterable


class BuildError(Exception):
    """The book cannot be rendered as it is written. Every line of the message names a place and what is wrong there."""

    def __init__(self, problems: Iterable[str]):
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


def stop_on(problems: Iterable[str]) -> None:
    """Raise BuildError where there is any problem."""
    found = list(problems)
    if found:
        raise BuildError(found)
