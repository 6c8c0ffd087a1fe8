from . import (
    analysis as analysis,
    augment as augment,
    classical as classical,
    data as data,
    evaluation as evaluation,
    experiments as experiments,
    features as features,
    inference as inference,
    interpret as interpret,
    models as models,
    phantom as phantom,
    reporting as reporting,
    training as training,
)
from .experiments import (
    records as records,
)
from .experiments.config import (
    Experiment as Experiment,
)
from .experiments.builders import (
    data_config as data_config,
)
from .experiments.own_data import (
    define_experiment as define_experiment,
)
from .experiments.records import (
    Record as Record,
)
from .experiments.runner import (
    run as run,
)
from .inference.estimator import (
    PneumoniaClassifier as PneumoniaClassifier,
)
from .inference.export import (
    export_onnx as export_onnx,
)
from .inference.model import (
    Model as Model,
    load_model as load_model,
)
from .reporting import (
    plots as plots,
    tables as tables,
)

__version__: str
