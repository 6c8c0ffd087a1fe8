from .batches import (
    Batches as Batches,
    Images as Images,
    InMemory as InMemory,
    Rows as Rows,
    make_generator as make_generator,
    perturb_once as perturb_once,
    predict as predict,
    prediction_batch_size as prediction_batch_size,
    sampling_grids as sampling_grids,
)
from .configuration import (
    OptimizerConfig as OptimizerConfig,
    TrainingConfig as TrainingConfig,
)
from .fitting import (
    Fit as Fit,
    SaveStateEachEpoch as SaveStateEachEpoch,
    TrainingModule as TrainingModule,
    fit as fit,
)
from .optimizers import (
    OPTIMIZERS as OPTIMIZERS,
    SCHEDULES as SCHEDULES,
    build_optimizer as build_optimizer,
    learning_rates as learning_rates,
)
