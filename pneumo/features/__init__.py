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
        "configuration": ["FeatureConfig", "GLCMConfig", "HOGConfig", "LBPConfig", "PixelsConfig", "SpectrumConfig"],
        "extraction": ["extract", "feature_columns", "feature_names", "pixel_columns", "pixel_features"],
        "glcm": ["glcm_columns", "glcm_features"],
        "hog": ["hog_columns", "hog_features", "hog_picture"],
        "lbp": ["lbp_columns", "lbp_features"],
        "spectrum": ["spectrum_columns", "spectrum_features"],
    },
)
