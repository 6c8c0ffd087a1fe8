from .cnn import (
    CNN as CNN,
)
from .configuration import (
    CNNConfig as CNNConfig,
    EfficientNetConfig as EfficientNetConfig,
    NetworkConfig as NetworkConfig,
    PretrainedConfig as PretrainedConfig,
    Scaling as Scaling,
    TransformerConfig as TransformerConfig,
    compound as compound,
)
from .efficientnet import (
    EfficientNet as EfficientNet,
)
from .factory import (
    Cost as Cost,
    build as build,
    build_untrained as build_untrained,
    cost as cost,
)
from .pretrained import (
    Pretrained as Pretrained,
    weights as weights,
)
from .spatial_transformer import (
    SpatialTransformer as SpatialTransformer,
)
from .summary import (
    Layer as Layer,
    layers as layers,
)
from .weight_changes import (
    LayerChange as LayerChange,
    layer_changes as layer_changes,
)
