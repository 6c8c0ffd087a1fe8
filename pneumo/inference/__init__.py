"""A trained network for people's own radiographs: load a model file, predict, export; or train one of your own.

    model = pneumo.load_model()
    model.predict_proba(["a.jpeg", "b.dcm"])[:, 1]        # (2,) probabilities of pneumonia

Research only, not a medical device.
"""

import lazy_loader

from pneumo.deprecation import with_former_names

# PyTorch is imported with the first model.
_current, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = with_former_names(
    __name__,
    _current,
    {
        "Familiarity": "InputStatistics",
        "contents": "read_contents",
        "find": "find_files",
        "learn": "fit_input_statistics",
    },
)
