"""What can go wrong for a user. Each message names the thing and the remedy; the command line prints it alone."""


class PneumoError(Exception):
    """Base of every error that a user can do something about."""


class DataError(PneumoError, ValueError):
    """Input that cannot be used."""


class RecordError(PneumoError, ValueError):
    """A record file that cannot be used."""


class MissingRecord(PneumoError, LookupError):
    """An experiment that has no record here, and may not be run now."""


class UnknownExperiment(PneumoError, LookupError):
    """A name that no group of experiments has."""


class NonFiniteLoss(PneumoError, ArithmeticError):
    """The loss became NaN or infinite."""
