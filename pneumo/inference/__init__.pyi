from .estimator import (
    PneumoniaClassifier as PneumoniaClassifier,
)
from .evaluate import (
    Evaluation as Evaluation,
    evaluate_files as evaluate_files,
)
from .export import (
    export_onnx as export_onnx,
)
from .files import (
    File as File,
    Listing as Listing,
    find_files as find_files,
    read_contents as read_contents,
)
from .input_checks import (
    InputStatistics as InputStatistics,
    fit_input_statistics as fit_input_statistics,
)
from .model import (
    NOTE as NOTE,
    Model as Model,
    Prediction as Prediction,
    load_model as load_model,
)
from .packing import (
    pack as pack,
    save_model as save_model,
    unpack as unpack,
)
from .predict import (
    Summary as Summary,
    predict_files as predict_files,
)
from .radiograph import (
    Radiograph as Radiograph,
    from_array as from_array,
    from_bytes as from_bytes,
    from_picture as from_picture,
)
