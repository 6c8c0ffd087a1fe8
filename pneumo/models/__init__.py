"""Networks: each takes (N, 1, H, W) float images in [0, 1] and returns (N,) logits of the positive class.

network = pneumo.models.build(pneumo.models.CNNConfig())
pneumo.models.cost(pneumo.models.CNNConfig(), image_size=64).parameters
"""

import lazy_loader

# Experiments are defined from the configurations alone; PyTorch is imported with the first network.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
