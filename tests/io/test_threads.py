import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from pneumo.augment import GENERATOR, NONE, STRESS, STRONG, augment, mixup, scale
from pneumo.io.threads import MAX_VALUES_OF_ONE_THREAD, few_threads, waiting_without_spinning


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_few_values_are_computed_by_one_thread_and_many_by_all():
    with few_threads(MAX_VALUES_OF_ONE_THREAD):
        assert torch.get_num_threads() == 1
    with few_threads(MAX_VALUES_OF_ONE_THREAD + 1):
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_the_number_of_threads_is_as_before_after_an_error():
    with pytest.raises(KeyError), few_threads(1):
        raise KeyError
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_other_threads_keep_their_number():
    seen = []
    with few_threads(1):
        other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        other.start()
        other.join()
    assert seen == [3]


@pytest.mark.usefixtures("three_threads")
def test_a_new_thread_keeps_the_number_that_it_begins_with():
    seen = []

    def work() -> None:
        with few_threads(1):
            torch.rand(10).sum()
        seen.append(torch.get_num_threads())

    other = threading.Thread(target=work)
    other.start()
    other.join()
    assert seen == [3]


@pytest.mark.parametrize("side", [31, 64])
@pytest.mark.parametrize("config", [NONE, GENERATOR, STRONG, STRESS])
def test_a_batch_is_the_same_to_the_bit_with_any_number_of_threads(config, side, monkeypatch):
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (32, side, side), dtype=np.uint8))

    def batch() -> tuple[torch.Tensor, ...]:
        generator = torch.Generator().manual_seed(0)
        return mixup(augment(scale(pixels), config, generator), torch.arange(32.0) % 2, 0.2, generator)

    expected = batch()
    monkeypatch.setattr("pneumo.io.threads.MAX_VALUES_OF_ONE_THREAD", 0)  # so that all threads compute
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3, 5):
            torch.set_num_threads(threads)
            assert all(torch.equal(one, other) for one, other in zip(batch(), expected, strict=True))
    finally:
        torch.set_num_threads(before)


def test_the_setting_for_waiting_threads_reaches_processes_and_ends_with_the_block(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    show = [sys.executable, "-c", "import os; print(os.environ['OMP_WAIT_POLICY'])"]
    with waiting_without_spinning():
        assert subprocess.run(show, capture_output=True, text=True, check=True).stdout == "PASSIVE\n"
    assert "OMP_WAIT_POLICY" not in os.environ


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_what_the_user_says_about_waiting_stands(name, monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv(name, "active")
    with waiting_without_spinning():
        assert os.environ.get("OMP_WAIT_POLICY") == ("active" if name == "OMP_WAIT_POLICY" else None)
