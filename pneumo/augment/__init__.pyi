from .configuration import GENERATOR, MILD, MIXUP, NONE, ROBUST, STRESS, STRONG, Augmentation, FillMode
from .ranges import given_parameters
from .stepwise import reference
from .style import exchange_frames, exchange_styles
from .torchvision import RandomAugmentation
from .transforms import Parameters, augment, mixup, parameters, scale, transform

__all__ = [
    "GENERATOR",
    "MILD",
    "MIXUP",
    "NONE",
    "ROBUST",
    "STRESS",
    "STRONG",
    "Augmentation",
    "FillMode",
    "Parameters",
    "RandomAugmentation",
    "augment",
    "exchange_frames",
    "exchange_styles",
    "given_parameters",
    "mixup",
    "parameters",
    "reference",
    "scale",
    "transform",
]
