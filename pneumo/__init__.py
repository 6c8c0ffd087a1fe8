"""pneumo: chest radiographs of children, with and without pneumonia.

    import pneumo

    record = pneumo.run(pneumo.experiments.first_network()[0])
    pneumo.plots.learning_curves([record])

Everything is imported when it is first used, so that `import pneumo` costs nothing.
"""

import lazy_loader as _lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = _lazy_loader.attach(
    __name__,
    submodules=[
        "augment", "classical", "config", "data", "estimator", "evaluation", "experiments", "explain", "export",
        "features", "models", "plots", "prediction", "records", "study", "tables", "training",
        "windows",
    ],
    submod_attrs={
        "config": ["Experiment"],
        "estimator": ["PneumoniaClassifier"],
        "export": ["export_onnx"],
        "prediction": ["Model", "load_model"],
        "records": ["Record"],
        "study": ["run"],
    },
)
