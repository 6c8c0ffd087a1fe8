"""Records in, frames out: one question of the book a module."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "attention",
        "calibration",
        "external_validation",
        "finetuning",
        "leakage",
        "model_cost",
        "model_selection",
        "phantom_localisation",
        "robustness",
        "shortcuts",
        "strata",
        "summaries",
        "threshold_transfer",
        "toy_optimisation",
        "transformer_windows",
    ],
)
