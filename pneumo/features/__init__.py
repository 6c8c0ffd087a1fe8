"""Hand-crafted image features for classical learners.

    features = extract(pneumo.data.pixels(dataset, size=128), HOGConfig())      # (N, 1764) float32, cached
    names = feature_names(HOGConfig(), 128)

`hog`: edges and their direction. `lbp`: fine texture. `glcm`: similarity of neighbouring grey levels. `spectrum`:
sharpness and noise alone. `pixels`: the grey levels themselves. The numbers of the first three are those of
scikit-image.
"""

import lazy_loader

# `pneumo status` needs the configurations alone: SciPy and scikit-image are imported with the first feature.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
