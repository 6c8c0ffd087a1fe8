"""pneumo: chest radiographs of children, with and without pneumonia.

    import pneumo

    record = pneumo.run(pneumo.experiments.first_network()[0])
    pneumo.plots.learning_curves([record])

Everything is imported when it is first used, so that `import pneumo` costs nothing.
"""

import lazy_loader as _lazy_loader

from pneumo.deprecation import importable as _importable

__version__ = "0.1.0"

_attribute, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)

_MOVED = {
    "clues": "analysis.shortcuts",
    "config": "experiments.config",
    "copies": "analysis.leakage",
    "costs": "analysis.model_cost",
    "estimator": "inference.estimator",
    "evidence": "analysis.robustness",
    "explain": "interpret",
    "export": "inference.export",
    "pointing": "analysis.phantom_localisation",
    "prediction": "inference",
    "study": "experiments.runner",
    "transfer": "analysis.finetuning",
    "valley": "analysis.toy_optimisation",
    "verdict": "analysis.model_selection",
    "windows": "analysis.transformer_windows",
}
"""Former names of modules, and where they are now."""

_MOVED_DATA = {name: f"data.readers.{name}" for name in ("archive", "dicom", "layout", "medmnist", "names", "pcam")}
"""Former names in `pneumo.data`."""

_SHORT = {"plots": "reporting.plots", "records": "experiments.records", "tables": "reporting.tables"}
"""Modules that are known by a short name, and where they are."""

_importable(
    {
        **{f"{__name__}.{name}": f"{__name__}.{now}" for name, now in _MOVED.items()},
        **{f"{__name__}.data.{name}": f"{__name__}.{now}" for name, now in _MOVED_DATA.items()},
    },
    {f"{__name__}.{name}": f"{__name__}.{now}" for name, now in _SHORT.items()},
)


def __getattr__(name):
    import importlib
    import warnings

    if name in _MOVED:
        warnings.warn(f"pneumo.{name} is now pneumo.{_MOVED[name]}", DeprecationWarning, stacklevel=2)
        return importlib.import_module(f"{__name__}.{_MOVED[name]}")
    return _attribute(name)
