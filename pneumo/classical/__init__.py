"""Learning without a network: four learners on features made by hand, tuned by patient-grouped cross-validation.

config = ClassicalConfig(learner="svm", features=HOGConfig())
features = extract(pneumo.data.pixels(dataset, size=128), config.features)
model = fit(features[train], labels[train], patients[train], config, seed=0)
logits = scores(model, features[test])
"""

import lazy_loader

# The settings are read where nothing is fitted (`pneumo status`); scikit-learn and XGBoost come in with the first fit.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "configuration": ["ClassicalConfig", "Learner"],
        "learners": ["Classifier", "fit", "importances", "scores"],
    },
)
