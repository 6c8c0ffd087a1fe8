"""The phantom as a data set."""

from __future__ import annotations

from pneumo.data.dataset import Dataset
from pneumo.phantom import CLASSES, PhantomConfig, draw_patients


def phantom(config: PhantomConfig) -> Dataset:
    """The data set of a configuration. Nothing is drawn until its source is asked for an image."""
    table, source = draw_patients(config)
    return Dataset(name="phantom", classes=CLASSES, table=table, source=source)
