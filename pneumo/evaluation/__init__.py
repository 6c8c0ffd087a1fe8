"""Metrics of a diagnostic model and their confidence intervals.

Plain arrays in, numbers or small frozen values out. Positive is label 1; an image is predicted positive where its
probability reaches the threshold.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
