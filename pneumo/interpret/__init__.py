"""What a network's prediction rests on: Grad-CAM maps, and images of which a part is occluded."""

import lazy_loader

from pneumo.deprecation import with_former_names

# PyTorch is imported with the first map.
_current, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = with_former_names(
    __name__,
    _current,
    {"Overlays": "GradCamOverlays", "last_average": "last_pooling_layer", "normalised": "normalise_maps"},
)
