"""Classical machine learning: four learners on hand-crafted features, tuned by patient-grouped cross-validation.

config = ClassicalConfig(learner="svm", features=HOGConfig())
features = extract(pneumo.data.pixels(dataset, size=128), config.features)
model = fit(features[train], labels[train], patients[train], config, seed=0)
logits = scores(model, features[test])
"""

import lazy_loader

# `pneumo status` needs the configurations alone: scikit-learn and XGBoost are imported with the first fit.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
