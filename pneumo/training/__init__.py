"""How a network learns: batches, optimisers, schedules, early stopping, and a fit that can be killed at any moment.

The random numbers of an epoch come from (seed, epoch) alone. A fit that was killed starts again at the last whole
epoch and sees the same batches, in the same order and with the same augmentation, as if nothing had happened.

Lightning, which takes seconds to import, is imported where something is fitted.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "fitting": ["Classifier", "Fit", "SaveEpoch", "fit", "keep_freed_memory"],
        "configuration": ["OptimizerConfig", "TrainingConfig"],
        "batches": ["Batches", "Images", "InMemory", "Rows", "changed", "predict", "prediction_batch", "stream"],
        "optimizers": ["OPTIMIZERS", "SCHEDULES", "build_optimizer", "learning_rates"],
    },
)
