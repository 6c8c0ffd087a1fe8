"""Where radiographs come from: data sets, their splits, and their pixels decoded once.

dataset = pneumo.data.load("chest-xray")
parts = pneumo.data.split(dataset.table)
images = pneumo.data.pixels(dataset, size=64).rows(parts.train[:32])    # (32, 64, 64) uint8
"""

import lazy_loader

# A prediction needs the decoders alone: pandas, joblib and the phantom are imported with the first data set.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
