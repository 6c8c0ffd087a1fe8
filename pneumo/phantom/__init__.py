"""Synthetic chest radiographs: `chest` draws the patient, `film` takes the image, `source` draws a set of patients.

`pneumo.data.phantom` makes a data set of them.
"""

from pneumo.phantom.source import CLASSES, PhantomConfig, PhantomSource, draw_patients

__all__ = ["CLASSES", "PhantomConfig", "PhantomSource", "draw_patients"]
