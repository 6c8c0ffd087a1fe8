"""The phantom as a data set."""

from __future__ import annotations

from pneumo.data.dataset import Dataset
from pneumo.phantom import CLASS_NAMES, PhantomConfig, phantom_table

__all__ = ["PhantomConfig", "phantom"]


def phantom(config: PhantomConfig) -> Dataset:
    """Synthetic chest radiographs as a data set. An image is drawn when the source is asked for it.

    dataset = phantom(PhantomConfig(patients=60, size=64))

    >>> dataset = phantom(PhantomConfig(patients=20))
    >>> dataset.source.image(0).dtype
    dtype('uint8')
    """
    table, source = phantom_table(config)
    return Dataset(name="phantom", classes=CLASS_NAMES, table=table, source=source)
