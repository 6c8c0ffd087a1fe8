"""Records in, data frames out, one question a module.

No function here looks up records, but for `model_selection.select_models`, whose candidates are fixed by the study.
`leakage` compares the images of a data set, and `phantom_localisation` trains a small network on synthetic radiographs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
