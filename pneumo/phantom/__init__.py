"""Synthetic chest radiographs: `chest` draws a patient's attenuation, `exposure` the radiograph, `source` a data set.

`pneumo.data.phantom` makes a data set of them.
"""

from pneumo.phantom.source import CLASS_NAMES, PhantomConfig, PhantomSource, phantom_table

__all__ = ["CLASS_NAMES", "PhantomConfig", "PhantomSource", "phantom_table"]


def __dir__() -> list[str]:
    return sorted(__all__)
