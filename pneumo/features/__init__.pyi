from .configuration import FeatureConfig, GLCMConfig, HOGConfig, LBPConfig, PixelsConfig, SpectrumConfig
from .extraction import extract, feature_columns, feature_names, pixel_columns, pixel_features
from .glcm import glcm_columns, glcm_features
from .hog import hog_columns, hog_features, hog_picture
from .lbp import lbp_columns, lbp_features
from .spectrum import spectrum_columns, spectrum_features

__all__ = [
    "FeatureConfig",
    "GLCMConfig",
    "HOGConfig",
    "LBPConfig",
    "PixelsConfig",
    "SpectrumConfig",
    "extract",
    "feature_columns",
    "feature_names",
    "glcm_columns",
    "glcm_features",
    "hog_columns",
    "hog_features",
    "hog_picture",
    "lbp_columns",
    "lbp_features",
    "pixel_columns",
    "pixel_features",
    "spectrum_columns",
    "spectrum_features",
]
