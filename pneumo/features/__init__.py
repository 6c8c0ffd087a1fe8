"""Features made by hand, for learners that do not find their own.

    features = extract(pneumo.data.pixels(dataset, size=128), HOGConfig())      # (N, 1764) float32, cached
    names = feature_names(HOGConfig(), 128)

`hog` sees edges and their direction, `lbp` fine texture, `glcm` how alike neighbouring grey levels are; `pixels` are
the image itself, `spectrum` only how sharp and noisy it is. All are vectorised over the images; the first three agree
with scikit-image.
"""

import lazy_loader

# The settings are read where nothing is measured (`pneumo status`); SciPy and scikit-image come in with the first use.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "binary_patterns": ["lbp", "lbp_columns"],
        "configuration": ["FeatureConfig", "GLCMConfig", "HOGConfig", "LBPConfig", "PixelsConfig", "SpectrumConfig"],
        "cooccurrence": ["glcm", "glcm_columns"],
        "extraction": ["extract", "feature_columns", "feature_names", "pixels"],
        "gradients": ["hog", "hog_columns", "hog_picture"],
        "spectrum": ["spectrum", "spectrum_columns"],
    },
)
