import pytest

from pneumo import experiments
from pneumo.experiments.config import CNNConfig, Experiment, OptimizerConfig, TrainingConfig


@pytest.fixture
def small(monkeypatch, drawn_once) -> Experiment:
    """A network that trains on the phantom in a second."""
    monkeypatch.setenv("PNEUMO_CACHE", str(drawn_once))
    monkeypatch.setenv("PNEUMO_DATASET", "phantom")
    return Experiment(
        name="small/seed-0",
        data=experiments.study_data(image_size=16),
        model=CNNConfig(width=4, depth=2),
        training=TrainingConfig(epochs=1, optimizer=OptimizerConfig(learning_rate=0.01)),
    )
