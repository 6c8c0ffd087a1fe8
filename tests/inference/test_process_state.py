"""A library call leaves the process, and a network that it is given, as it found them."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from support.chests import Made, chests

import pneumo
import pneumo.inference.estimator  # importing scikit-learn and Lightning is no call: each sets a variable of its own
import pneumo.training.fitting
from pneumo import experiments, interpret, models, training
from pneumo.experiments import runner
from pneumo.experiments.config import CNNConfig, Experiment, HeaderConfig, PretrainedConfig, TrainingConfig

SHORT_TRAINING = TrainingConfig(epochs=1, batch_size=8)
LABELS = np.arange(24) % 2


def process_state() -> dict[str, object]:
    """What a process shares between all the code in it."""
    _, keys, position, *_ = np.random.get_state()  # noqa: NPY002 (what other people's code may use)
    return {
        "random": random.getstate(),
        "numpy": (keys.tolist(), position),
        "torch": torch.random.get_rng_state().tolist(),
        "numpy errors": np.geterr(),
        "threads": torch.get_num_threads(),
        "default type": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "deterministic": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,
            torch.backends.cudnn.benchmark,
            torch.backends.cudnn.deterministic,
            torch.get_float32_matmul_precision(),
        ),
        "warnings": list(warnings.filters),
        "logging": {
            name: (logger.level, logger.disabled, len(logger.handlers))
            for name, logger in logging.root.manager.loggerDict.items()
            # PyTorch's handler for traces removes itself when it is first asked for one.
            if isinstance(logger, logging.Logger) and name != "torch.__trace"
        },
        "root logger": (logging.root.level, list(logging.root.handlers)),
        "environment": dict(os.environ),
        "signals": {each: signal.getsignal(each) for each in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}},
        "hooks": (sys.excepthook, sys.displayhook, threading.excepthook),
        "streams": (sys.stdout, sys.stderr, sys.stdout.encoding),
        "folder": Path.cwd(),
        "path": list(sys.path),
    }


def phantom(model, training_config: TrainingConfig | None = None) -> Experiment:
    return Experiment(
        name="a/seed-0", data=experiments.data_config("phantom", 16), model=model, training=training_config
    )


CALLS: dict[str, Callable[[Made, Path], object]] = {
    "load_model": lambda made, folder: pneumo.load_model(made.file),
    "Model.predict": lambda made, folder: made.model.predict(made.images),
    "Model.grad_cam": lambda made, folder: made.model.grad_cam([made.model.radiograph(made.images[0], "a")]),
    "export_onnx": lambda made, folder: pneumo.export_onnx(made.model, folder / "m.onnx"),
    "fit and predict": lambda made, folder: (
        pneumo.PneumoniaClassifier(CNNConfig(width=2, depth=2), SHORT_TRAINING, random_state=0)
        .fit(chests(24), LABELS)
        .predict(chests(2))
    ),
    "run a network": lambda made, folder: pneumo.run(
        phantom(CNNConfig(width=2, depth=2), SHORT_TRAINING), progress=False
    ),
    "run a header": lambda made, folder: pneumo.run(phantom(HeaderConfig(field="width")), progress=False),
    "run_all": lambda made, folder: runner.run_all([phantom(HeaderConfig(field="height"))], progress=False),
    "a worker in this process": lambda made, folder: runner.run_with_threads(
        phantom(HeaderConfig(field="aspect")), folder, 3, os.getpid()
    ),
    "cost": lambda made, folder: models.cost(CNNConfig(), 64),
    "build_untrained": lambda made, folder: models.build_untrained(PretrainedConfig()),
}


@pytest.fixture
def unusual():
    """Settings that are not PyTorch's own, so that a call that sets those shows."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    yield
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True


@pytest.mark.usefixtures("unusual")
@pytest.mark.parametrize("name", CALLS)
def test_a_call_leaves_the_process_as_it_was(name, made: Made, tmp_path, monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    before = process_state()
    CALLS[name](made, tmp_path)
    after = process_state()
    loggers = {logger: before["logging"].get(logger, state) for logger, state in after["logging"].items()}
    assert after.pop("logging") == loggers  # those of libraries that were imported only now have no state before
    before.pop("logging")
    assert [key for key in before if after[key] != before[key]] == []


NETWORK_CALLS: dict[str, Callable[[torch.nn.Module], object]] = {
    "predict": lambda network: training.predict(
        network, training.Images(pixels=training.InMemory(array=chests(4)), rows=np.arange(4), labels=np.zeros(4))
    ),
    "grad_cam": lambda network: interpret.grad_cam(network, chests(2)),
    "layers": lambda network: models.layers(network, 32),
}


@pytest.mark.parametrize("name", NETWORK_CALLS)
def test_a_call_leaves_each_module_of_a_network_in_its_mode_and_its_weights_alone(name):
    network = models.build(CNNConfig(width=2, depth=2)).train()
    network.blocks[0].eval()  # frozen, while the rest is trained
    modes = [module.training for module in network.modules()]
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    NETWORK_CALLS[name](network)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())


MEMORY_RETURNED = """
import numpy as np
import pneumo
from pathlib import Path
from pneumo.experiments.config import CNNConfig, TrainingConfig

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

images = np.random.default_rng(0).integers(0, 256, (24, 16, 16), dtype=np.uint8)
classifier = pneumo.PneumoniaClassifier(CNNConfig(width=2, depth=2), TrainingConfig(epochs=1, batch_size=8))
classifier.fit(images, np.arange(24) % 2).predict(images)
before = resident()
large = [np.ones(2**20) for _ in range(40)]  # 8 MB each
assert resident() - before > 300
del large
print(resident() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read as Linux tells it")
def test_memory_that_is_freed_after_training_goes_back_to_the_system():
    done = subprocess.run([sys.executable, "-c", MEMORY_RETURNED], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 30
