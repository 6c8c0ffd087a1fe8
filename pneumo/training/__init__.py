"""Training of a network: batches, optimisers, learning-rate schedules, early stopping and checkpoints.

The random numbers of an epoch depend on (seed, epoch) alone. Training that was interrupted goes on from the last whole
epoch and ends with the weights that an undisturbed run would have.

Lightning, which takes seconds to import, is imported where something is fitted.
"""

import lazy_loader

from pneumo.deprecation import with_former_names

_current, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = with_former_names(
    __name__,
    _current,
    {
        "Classifier": "TrainingModule",
        "SaveEpoch": "SaveStateEachEpoch",
        "changed": "perturb_once",
        "prediction_batch": "prediction_batch_size",
        "stream": "make_generator",
    },
)
