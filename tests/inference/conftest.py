"""A tiny model, its record and its weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support.chests import SIDE, Made, chests
from support.records import make_record

from pneumo import models, records
from pneumo.augment import scale
from pneumo.experiments.config import CNNConfig, DataConfig, Experiment
from pneumo.inference import fit_input_statistics, load_model, save_model


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Made:
    """A network with random weights counts as trained: what it says is all that matters here."""
    folder = tmp_path_factory.mktemp("model")
    experiment = Experiment(
        name="group/seed-0",
        data=DataConfig(name="phantom", version="6-abc", image_size=SIDE),
        model=CNNConfig(width=8, depth=3),
    )
    generator = torch.Generator().manual_seed(0)
    network = models.build(experiment.model, generator).eval()
    with torch.no_grad():
        network.head.weight.mul_(10)  # or all would be near one half
        for name, value in network.named_buffers():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2, generator=generator)
    images = chests(6)
    with torch.inference_mode():
        logits = network(scale(torch.from_numpy(images))).numpy()
    labels = [0, 0, 1, 1, 0, 1]
    record = make_record(experiment=experiment, scores=logits, labels=labels, selection={"threshold": 0.4})
    record_file = records.save(record, folder / "records")
    weights = folder / "full.safetensors"
    save_file(network.state_dict(), weights)
    input_statistics = fit_input_statistics(chests(200), np.linspace(0.9, 2, 200))
    file = save_model(record_file, folder / "m.safetensors", input_statistics=input_statistics, weights=[weights])
    return Made(record, record_file, weights, images, file, load_model(file))
