"""The errors that a user can do something about. Each message names the argument or file, the value and the remedy."""

from __future__ import annotations

from collections.abc import Sequence


class PneumoError(Exception):
    """Base of all errors below. The command line prints its message without a traceback."""


class DataError(PneumoError, ValueError):
    """Images, tables or files that cannot be used."""


class RecordError(PneumoError, ValueError):
    """A record file that cannot be used."""


class MissingRecord(PneumoError, LookupError):
    """An experiment without a record, in a process that may not run it."""


class UnknownExperiment(PneumoError, LookupError):
    """A name that no group of experiments has."""


class ExperimentsFailed(PneumoError):
    """Of several experiments, some that could not be run. The others were."""


class NonFiniteLoss(PneumoError, ArithmeticError):
    """The loss became NaN or infinite."""


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first `most` names, separated by commas, and how many there are beyond them: "a, b and 3 more"."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
