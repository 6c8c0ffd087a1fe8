"""Networks: each takes (N, 1, H, W) float images in [0, 1] and returns (N,) logits of the positive class."""

import lazy_loader

# Experiments are defined from the configurations alone; PyTorch comes in with the first network.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cnn": ["CNN"],
        "configuration": [
            "CNNConfig",
            "EfficientNetConfig",
            "NetworkConfig",
            "PretrainedConfig",
            "Scaling",
            "TransformerConfig",
            "compound",
        ],
        "efficientnet": ["EfficientNet"],
        "factory": ["Cost", "build", "cost"],
        "pretrained": ["Pretrained", "weights"],
        "summary": ["Layer", "layers"],
        "spatial_transformer": ["SpatialTransformer"],
    },
)
