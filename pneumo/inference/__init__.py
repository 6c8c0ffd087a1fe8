"""A trained network for people's own radiographs: a model in one file, what it reads, and what it says.

    model = pneumo.load_model()
    model.predict(["a.jpeg", "b.dcm"])                    # (2,) probabilities of pneumonia

Research only, not a medical device.
"""

import lazy_loader

# The command line's help names what is here; PyTorch comes in with the first model.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "estimator": ["PneumoniaClassifier"],
        "export": ["export_onnx"],
        "files": ["File", "contents", "find"],
        "model": ["NOTE", "Model", "Prediction", "load_model"],
        "packing": ["pack", "save_model"],
        "input_checks": ["Familiarity", "learn"],
        "radiograph": ["Radiograph", "from_array", "from_bytes"],
        "predict": ["Summary", "predict_files"],
    },
)
