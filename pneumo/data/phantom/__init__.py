"""Synthetic chest radiographs: `chest` draws the patient, `film` takes the picture, `source` makes a data set of it."""

from pneumo.data.phantom.source import PhantomConfig, PhantomSource, phantom

__all__ = ["PhantomConfig", "PhantomSource", "phantom"]
