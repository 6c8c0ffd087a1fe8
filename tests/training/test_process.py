"""Training among other things that go on in the process: threads, signals, several devices."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from pneumo import models, training
from pneumo.augment import STRONG
from pneumo.experiments.config import CNNConfig, EfficientNetConfig, OptimizerConfig, TrainingConfig
from pneumo.models.modes import evaluation_mode
from pneumo.training import Images, fitting, make_generator

CONFIG = TrainingConfig(
    epochs=2,
    batch_size=8,
    patience=None,
    keep="last",
    optimizer=OptimizerConfig(learning_rate=0.02),
    augmentation=STRONG,
)
NETWORKS = {"dropout": CNNConfig(width=2, depth=2, dropout=0.5), "stochastic depth": EfficientNetConfig(base="small")}


def fit(bright_and_dark, checkpoint, model=NETWORKS["dropout"], seed=0, config=CONFIG) -> np.ndarray:
    """The logits of a network after training."""
    pixels, labels = bright_and_dark
    train, validation = (
        Images(pixels=pixels, rows=rows, labels=labels[rows]) for rows in (np.arange(64), np.arange(64, 96))
    )
    network = models.build(model, make_generator(seed, 0, "weights"))
    training.fit(network, train, validation, config, seed=seed, checkpoint=checkpoint, progress=False)
    return training.predict(network, validation)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_trained_in_threads_are_those_trained_one_after_the_other(name, bright_and_dark, tmp_path):
    alone = [fit(bright_and_dark, tmp_path / f"alone-{seed}", NETWORKS[name], seed) for seed in range(3)]
    with ThreadPoolExecutor(3) as pool:
        together = list(
            pool.map(lambda seed: fit(bright_and_dark, tmp_path / f"thread-{seed}", NETWORKS[name], seed), range(3))
        )
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not torch.are_deterministic_algorithms_enabled()


def test_weights_drawn_in_threads_are_those_drawn_one_after_the_other():
    def drawn(seed: int) -> torch.Tensor:
        network = models.build(CNNConfig(width=8, depth=3), make_generator(seed, 0, "weights"))
        return torch.cat([value.flatten().double() for value in network.state_dict().values()])

    alone = [drawn(seed) for seed in range(4)]
    state = torch.random.get_rng_state()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(drawn, list(range(4)) * 10))
    assert all(torch.equal(each, alone[number % 4]) for number, each in enumerate(together))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_thread_that_ends_first_leaves_the_others_in_evaluation_mode():
    network = torch.nn.Dropout(0.5)
    seen, both = [], threading.Barrier(2)

    def look(seconds: float) -> None:
        both.wait()
        with evaluation_mode(network):
            time.sleep(seconds)
            seen.append(network.training)

    threads = [threading.Thread(target=look, args=(seconds,)) for seconds in (0.05, 0.2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [False, False]
    assert network.training


def test_threads_that_share_a_network_in_evaluation_mode_use_it_at_the_same_time():
    network = torch.nn.Dropout(0.5).eval()
    inside = threading.Barrier(2, timeout=60)

    def look() -> None:
        with evaluation_mode(network):
            inside.wait()  # passed only where both are inside

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(look), pool.submit(look)]:
            done.result()


# Devices --------------------------------------------------------------------------------------------------------------


def test_of_several_devices_one_is_used(bright_and_dark, tmp_path, monkeypatch):
    expected = fit(bright_and_dark, tmp_path / "one.ckpt")
    monkeypatch.setattr(pl.accelerators.CPUAccelerator, "auto_device_count", staticmethod(lambda: 2))
    found = []
    trainer_of = pl.Trainer

    def noted(**options):
        trainer = trainer_of(**options)
        found.append((trainer.world_size, trainer.num_devices, type(trainer.strategy).__name__))
        return trainer

    monkeypatch.setattr(fitting.pl, "Trainer", noted)
    np.testing.assert_array_equal(fit(bright_and_dark, tmp_path / "two.ckpt"), expected)
    assert found == [(1, 1, "SingleDeviceStrategy")]


def test_of_several_cuda_devices_the_current_one_is_used(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    assert fitting.one_device() == ("cuda", [3])


@pytest.mark.parametrize(
    "variables",
    [
        {
            "SLURM_NTASKS": "2",
            "SLURM_JOB_NAME": "pneumo",
            "SLURM_JOB_ID": "7",
            "SLURM_PROCID": "1",
            "SLURM_LOCALID": "1",
        },
        {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "GROUP_RANK": "0"},
    ],
)
def test_a_launcher_of_several_processes_changes_nothing(variables, bright_and_dark, tmp_path, monkeypatch):
    expected = fit(bright_and_dark, tmp_path / "alone.ckpt")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    np.testing.assert_array_equal(fit(bright_and_dark, tmp_path / "launched.ckpt"), expected)
    assert all(os.environ[name] == value for name, value in variables.items())


# Signals --------------------------------------------------------------------------------------------------------------


def interrupted(monkeypatch, number: int) -> None:
    """Have a signal come in the second epoch."""
    start = training.TrainingModule.on_train_epoch_start

    def start_and_interrupt(module) -> None:
        start(module)
        if module.current_epoch == 1:
            signal.raise_signal(number)

    monkeypatch.setattr(training.TrainingModule, "on_train_epoch_start", start_and_interrupt)


def test_ctrl_c_in_training_is_a_keyboard_interrupt_and_training_goes_on_from_the_last_epoch(
    bright_and_dark, tmp_path, monkeypatch
):
    expected = fit(bright_and_dark, tmp_path / "undisturbed.ckpt")
    with monkeypatch.context() as patch:
        interrupted(patch, signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            fit(bright_and_dark, tmp_path / "state.ckpt")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    state = torch.load(tmp_path / "state.ckpt", weights_only=True)
    assert len(state["history"]) == 1
    np.testing.assert_array_equal(fit(bright_and_dark, tmp_path / "state.ckpt"), expected)


class Ended(BaseException):
    pass


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGUSR2"])
def test_other_signals_mean_what_the_process_says(name, bright_and_dark, tmp_path, monkeypatch):
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip(f"this system has no {name}")

    def end(*_) -> None:
        raise Ended

    before = signal.signal(number, end)
    try:
        interrupted(monkeypatch, number)
        with pytest.raises(Ended):
            fit(bright_and_dark, tmp_path / "state.ckpt")
        assert signal.getsignal(number) is end
    finally:
        signal.signal(number, before)


def test_what_exits_during_training_exits_as_it_says(bright_and_dark, tmp_path, monkeypatch):
    def leave(*_) -> None:
        raise SystemExit(5)

    monkeypatch.setattr(training.TrainingModule, "training_step", leave)
    with pytest.raises(SystemExit) as left:
        fit(bright_and_dark, tmp_path / "state.ckpt")
    assert left.value.code == 5
