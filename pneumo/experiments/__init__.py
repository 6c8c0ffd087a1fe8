"""The study: experiments as frozen values, the pipeline that runs them, and their records.

    record = pneumo.run(pneumo.experiments.first_network()[0])

One module a chapter defines its experiments; `study` lists them all. `config` says what an experiment is,
`pipeline` how one gets from data to predictions, `runner` runs them, `records` stores their results.
"""

import lazy_loader

from pneumo.deprecation import with_former_names

# Functions that share the name of their module: imported first, so that the name means the function. They cost nothing.
from pneumo.experiments.augmentation import augmentation as augmentation
from pneumo.experiments.classical import classical as classical
from pneumo.experiments.first_network import first_network as first_network
from pneumo.experiments.optimizers import optimizers as optimizers
from pneumo.experiments.regularisation import regularisation as regularisation
from pneumo.experiments.scaling import scaling as scaling
from pneumo.experiments.spatial_transformer import spatial_transformer as spatial_transformer
from pneumo.experiments.transfer_learning import transfer_learning as transfer_learning
from pneumo.experiments.tumours import tumours as tumours

_current, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = with_former_names(__name__, _current, {"ReadingConfig": "ReevaluationConfig"})
