from .batches import (
    PREDICTION_BATCH_SIZE as PREDICTION_BATCH_SIZE,
    Batches as Batches,
    Images as Images,
    InMemory as InMemory,
    Rows as Rows,
    joined as joined,
    make_generator as make_generator,
    perturb_once as perturb_once,
    predict as predict,
    prediction_batch_size as prediction_batch_size,
    sampling_grids as sampling_grids,
    standardised as standardised,
)
from .configuration import (
    OptimizerConfig as OptimizerConfig,
    TrainingConfig as TrainingConfig,
    UntyingConfig as UntyingConfig,
)
from .fitting import (
    Fit as Fit,
    SaveStateEachEpoch as SaveStateEachEpoch,
    TrainingModule as TrainingModule,
    fit as fit,
)
from .torch_dataset import (
    RadiographDataset as RadiographDataset,
)
from .optimizers import (
    OPTIMIZERS as OPTIMIZERS,
    SCHEDULES as SCHEDULES,
    build_optimizer as build_optimizer,
    learning_rates as learning_rates,
)
