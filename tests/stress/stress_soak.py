"""Two hundred experiments in one process: memory and file handles stay flat, and no worker is left behind."""

import gc
import io
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from pneumo import experiments, records
from pneumo.experiments import runner
from pneumo.experiments.config import CNNConfig, Experiment, TrainingConfig

EXPERIMENTS = 200
SETTLED = 40
"""Experiments after which everything has been imported and every pool is filled."""


def write_radiographs(folder: Path) -> Path:
    """40 noisy images of 40 patients, 24 pixels wide."""
    random = np.random.default_rng(0)
    for number in range(40):
        name = f"NORMAL/IM-{number:04d}-0001.jpeg" if number % 2 else f"PNEUMONIA/person{number}_virus_1.jpeg"
        file = io.BytesIO()
        Image.fromarray(random.integers(0, 256, (24, 24), dtype=np.uint8)).save(file, "JPEG")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(file.getvalue())
    return folder


def test_two_hundred_experiments_leave_memory_handles_and_processes_as_they_were(tmp_path):
    data = experiments.data_config(str(write_radiographs(tmp_path / "films")), image_size=16)
    process = psutil.Process()
    memory, handles = [], []
    for seed in range(EXPERIMENTS):
        one = Experiment(
            name=f"soak/seed-{seed}",
            data=data,
            model=CNNConfig(width=2, depth=2),
            training=TrainingConfig(epochs=1, batch_size=8),
            seed=seed,
        )
        runner.run(one, progress=False)
        gc.collect()
        memory.append(process.memory_info().rss)
        handles.append(process.num_fds())
    assert len(records.paths()) == EXPERIMENTS
    early, late = np.median(memory[SETTLED : SETTLED + 20]), np.median(memory[-20:])
    print(f"after {SETTLED}: {early / 1e6:.1f} MB, {handles[SETTLED]} handles")
    print(f"after {EXPERIMENTS}: {late / 1e6:.1f} MB ({late / early - 1:+.1%}), {handles[-1]} handles")
    assert late < 1.05 * early
    assert handles[-1] <= handles[SETTLED]
    assert [child for child in process.children(recursive=True) if child.status() == psutil.STATUS_ZOMBIE] == []
