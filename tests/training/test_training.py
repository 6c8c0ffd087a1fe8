import math
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.precision import of_training

from pneumo import augment, models, training
from pneumo.augment import NONE, STRESS, STRONG
from pneumo.errors import NonFiniteLoss
from pneumo.experiments.config import CNNConfig, OptimizerConfig, TrainingConfig, TransformerConfig
from pneumo.training import Images, make_generator

MODEL = CNNConfig(width=2, depth=2, dropout=0.3)
CONFIG = TrainingConfig(epochs=4, batch_size=8, optimizer=OptimizerConfig(learning_rate=0.02), augmentation=STRONG)


def images_of(bright_and_dark, rows: np.ndarray) -> Images:
    pixels, labels = bright_and_dark
    return Images(pixels=pixels, rows=rows, labels=labels[rows])


def fit(bright_and_dark, folder, config=CONFIG, seed=0, model=MODEL):
    network = models.build(model, make_generator(seed, 0, "weights"))
    train, validation = images_of(bright_and_dark, np.arange(64)), images_of(bright_and_dark, np.arange(64, 96))
    result = training.fit(
        network, train, validation, config, seed=seed, checkpoint=folder / "state.ckpt", progress=False
    )
    return network, result


def weights(network) -> np.ndarray:
    return torch.cat([value.flatten().double() for value in network.state_dict().values()]).numpy()


def test_a_network_learns_what_brightness_tells(bright_and_dark, tmp_path):
    network, result = fit(bright_and_dark, tmp_path, TrainingConfig(epochs=8, batch_size=8), model=CNNConfig(width=4))
    test = images_of(bright_and_dark, np.arange(64, 96))
    assert np.array_equal(training.predict(network, test) > 0, test.labels == 1)
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]


def test_the_same_seed_gives_the_same_weights_to_the_bit(bright_and_dark, tmp_path):
    one, _ = fit(bright_and_dark, tmp_path)
    (tmp_path / "state.ckpt").unlink()
    other, _ = fit(bright_and_dark, tmp_path)
    assert np.array_equal(weights(one), weights(other))
    (tmp_path / "state.ckpt").unlink()
    another, _ = fit(bright_and_dark, tmp_path, seed=1)
    assert not np.array_equal(weights(one), weights(another))


def test_training_leaves_the_global_random_state_alone(bright_and_dark, tmp_path):
    before = torch.random.get_rng_state()
    fit(bright_and_dark, tmp_path)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("epochs_before", "config"), [(1, CONFIG), (3, CONFIG), (2, replace(CONFIG, averaging=0.9, label_smoothing=0.1))]
)
def test_a_run_that_stopped_half_way_ends_with_the_undisturbed_weights(
    bright_and_dark, tmp_path, epochs_before, config
):
    (tmp_path / "a").mkdir()
    whole, result = fit(bright_and_dark, tmp_path / "a", config)

    class Stop(Exception):
        pass

    saved = training.SaveStateEachEpoch.on_train_epoch_end

    def save_and_stop(self, trainer, module):
        saved(self, trainer, module)
        if trainer.current_epoch + 1 == epochs_before:
            raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.SaveStateEachEpoch, "on_train_epoch_end", save_and_stop)
        with pytest.raises(Stop):
            fit(bright_and_dark, tmp_path, config)
    resumed, again = fit(bright_and_dark, tmp_path, config)
    assert np.array_equal(weights(whole), weights(resumed))
    assert without_time(again.history) == without_time(result.history)
    assert again.epoch == result.epoch


def test_a_run_killed_at_a_random_moment_ends_with_the_undisturbed_weights(bright_and_dark, tmp_path):
    (tmp_path / "a").mkdir()
    whole, result = fit(bright_and_dark, tmp_path / "a")
    script = (
        "import sys, pathlib; sys.path[:0] = ['tests', 'tests/training']\n"
        "import torch, test_training as t; from support.images import bright_and_dark_images\n"
        "from pneumo import training\n"
        "step = training.TrainingModule.training_step\n"
        # Slow enough to be hit in the middle of an epoch.
        "training.TrainingModule.training_step = lambda *a: (__import__('time').sleep(0.05), step(*a))[1]\n"
        f"torch.set_num_threads({torch.get_num_threads()})\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "t.fit(bright_and_dark_images(folder), folder)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    while not (tmp_path / "state.ckpt").exists():
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    resumed, again = fit(bright_and_dark, tmp_path)
    assert np.array_equal(weights(whole), weights(resumed))
    assert without_time(again.history) == without_time(result.history)


def test_a_damaged_checkpoint_is_left_aside_and_training_begins_again(bright_and_dark, tmp_path):
    (tmp_path / "a").mkdir()
    whole, _ = fit(bright_and_dark, tmp_path / "a")
    (tmp_path / "state.ckpt").write_bytes((tmp_path / "a" / "state.ckpt").read_bytes()[:1000])
    with pytest.warns(UserWarning, match=r"state\.ckpt cannot be read .*; training starts from the beginning"):
        again, _ = fit(bright_and_dark, tmp_path)
    assert np.array_equal(weights(whole), weights(again))


def test_a_run_that_had_stopped_early_stops_again_at_once(bright_and_dark, tmp_path):
    config = TrainingConfig(epochs=30, batch_size=8, patience=1, optimizer=OptimizerConfig(learning_rate=0.3))
    _, first = fit(bright_and_dark, tmp_path, config)
    assert len(first.history) < 30
    _, second = fit(bright_and_dark, tmp_path, config)  # the checkpoint is still there: no record was written
    assert second.history == first.history


def test_the_epoch_is_the_one_with_the_lowest_validation_loss_and_its_weights_are_kept(bright_and_dark, tmp_path):
    config = TrainingConfig(epochs=5, batch_size=8, patience=None, optimizer=OptimizerConfig(learning_rate=0.3))
    network, result = fit(bright_and_dark, tmp_path, config)
    losses = [row["validation_loss"] for row in result.history]
    assert result.epoch == 1 + losses.index(min(losses))
    validation = images_of(bright_and_dark, np.arange(64, 96))
    logits, labels = training.predict(network, validation).astype(float), validation.labels
    by_hand = np.mean(np.logaddexp(0, -logits) * labels + np.logaddexp(0, logits) * (1 - labels))
    assert by_hand == pytest.approx(min(losses), rel=of_training(1e-5))


def test_the_last_weights_are_kept_where_asked_for_though_an_earlier_epoch_was_better(bright_and_dark, tmp_path):
    config = TrainingConfig(epochs=5, batch_size=8, optimizer=OptimizerConfig(learning_rate=0.1), keep="last")
    train = images_of(bright_and_dark, np.arange(64))
    contrary = replace(train, labels=1 - train.labels)  # what is learnt from one is wrong for the other
    network = models.build(MODEL, make_generator(0, 0, "weights"))
    result = training.fit(network, train, contrary, config, seed=0, checkpoint=tmp_path / "state.ckpt", progress=False)
    losses = [row["validation_loss"] for row in result.history]
    assert result.epoch == 5
    assert min(losses) < losses[4]
    logits = training.predict(network, contrary)
    by_hand = np.mean(np.logaddexp(0, np.where(contrary.labels == 1, -logits, logits)))
    assert by_hand == pytest.approx(losses[4], rel=of_training(1e-4))


def test_averaged_weights_are_the_moving_average_of_those_after_each_update(bright_and_dark, tmp_path, monkeypatch):
    config = TrainingConfig(epochs=1, batch_size=8, averaging=0.75, keep="last")
    after_each = []
    average = training.TrainingModule.on_train_batch_end

    def average_and_note(self, *arguments):
        average(self, *arguments)
        after_each.append(self.network.head.weight.detach().cpu().clone())

    monkeypatch.setattr(training.TrainingModule, "on_train_batch_end", average_and_note)
    network, _ = fit(bright_and_dark, tmp_path, config)
    by_hand = after_each[0]
    for value in after_each[1:]:
        by_hand = 0.75 * by_hand + 0.25 * value
    assert torch.allclose(network.head.weight, by_hand, atol=1e-6)
    assert not torch.allclose(network.head.weight, after_each[-1], atol=1e-4)


def test_smoothed_labels_give_the_training_loss_worked_out_by_hand(bright_and_dark, tmp_path):
    train = images_of(bright_and_dark, np.arange(8))
    network = models.build(CNNConfig(width=2, depth=2), make_generator(0, 0, "weights"))
    pixels = torch.from_numpy(train.pixels.rows(train.rows))
    logits = network.train()(augment.scale(pixels)).detach().numpy()
    config = TrainingConfig(epochs=1, batch_size=8, label_smoothing=0.2)
    network = models.build(CNNConfig(width=2, depth=2), make_generator(0, 0, "weights"))
    result = training.fit(network, train, train, config, seed=0, checkpoint=tmp_path / "state.ckpt", progress=False)
    target = np.where(train.labels == 1, 0.9, 0.1)
    by_hand = np.mean(target * np.logaddexp(0, -logits) + (1 - target) * np.logaddexp(0, logits))
    assert result.history[0]["train_loss"] == pytest.approx(by_hand, rel=of_training(1e-4))


def test_changed_copies_are_the_same_each_time_and_leave_the_originals(bright_and_dark):
    images = images_of(bright_and_dark, np.arange(5, 25))
    before = images.pixels.rows(images.rows)
    copies = [training.perturb_once(images, STRESS, make_generator(0, 0, "stress")) for _ in range(2)]
    one, other = (copy.pixels.rows(copy.rows) for copy in copies)
    assert one.dtype == np.uint8
    assert one.shape == before.shape
    assert np.array_equal(one, other)
    assert not np.array_equal(one, before)
    assert np.array_equal(images.pixels.rows(images.rows), before)
    assert np.array_equal(copies[0].labels, images.labels)


def test_images_that_are_not_changed_are_not_copied(bright_and_dark):
    images = images_of(bright_and_dark, np.arange(4))
    assert training.perturb_once(images, NONE, make_generator(0, 0, "stress")) is images


def test_one_cycle_rises_to_the_full_rate_and_falls_to_nothing():
    one_cycle = training.SCHEDULES["one-cycle"]
    assert one_cycle(0) == pytest.approx(0.04)
    assert one_cycle(0.3) == pytest.approx(1)
    assert one_cycle(0.65) == pytest.approx(0.5)
    assert one_cycle(1) == pytest.approx(0)


def test_a_loss_that_is_not_a_number_stops_the_run_and_names_the_learning_rate(bright_and_dark, tmp_path):
    config = TrainingConfig(epochs=3, batch_size=8, optimizer=OptimizerConfig(name="sgd", learning_rate=1e38))
    with pytest.raises(NonFiniteLoss, match=r"epoch 1; lower learning_rate=1e\+38"):
        fit(bright_and_dark, tmp_path, config, model=CNNConfig(width=2, depth=2, batch_norm=False))


def test_a_shuffled_pass_shows_each_image_once_and_another_order_each_epoch(bright_and_dark):
    images = images_of(bright_and_dark, np.arange(96))
    one, two = (images.batches(8, make_generator(0, epoch, "shuffle")).order for epoch in (0, 1))
    assert sorted(one) == sorted(two) == list(range(96))
    assert not np.array_equal(one, two)


def test_a_shuffled_pass_leaves_out_the_incomplete_batch_and_an_ordered_one_does_not(bright_and_dark):
    images = images_of(bright_and_dark, np.arange(20))
    assert [len(labels) for _, labels in images.batches(8, make_generator(0, 0, "shuffle"))] == [8, 8]
    assert [len(labels) for _, labels in images.batches(8)] == [8, 8, 4]
    assert [len(labels) for _, labels in images.batches(32, make_generator(0, 0, "shuffle"))] == [20]


def test_images_and_labels_of_a_batch_belong_together(bright_and_dark):
    pixels, labels = bright_and_dark
    rows = np.arange(96)[::-1].copy()
    images = Images(pixels=pixels, rows=rows, labels=labels[rows])
    for batch, wanted in images.batches(16, make_generator(0, 0, "shuffle")):
        for image, label in zip(batch.numpy(), wanted.numpy(), strict=True):
            row = next(r for r in range(96) if np.array_equal(pixels.array[r], image))
            assert labels[row] == label


def test_streams_differ_by_seed_epoch_and_purpose():
    arguments = [(0, 0, "shuffle"), (1, 0, "shuffle"), (0, 1, "shuffle"), (0, 0, "dropout"), (1, 1, "shuffle")]
    first_draws = [torch.rand(1, generator=make_generator(*each)).item() for each in arguments]
    assert len(set(first_draws)) == len(arguments)
    assert torch.rand(1, generator=make_generator(0, 0, "shuffle")).item() == first_draws[0]


@pytest.mark.parametrize("name", training.OPTIMIZERS)
def test_one_step_of_each_optimiser_lowers_a_quadratic_loss(name):
    layer = torch.nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(1.0)
    optimizer = training.build_optimizer(layer, OptimizerConfig(name=name, learning_rate=0.1))
    (layer.weight**2).sum().backward()
    optimizer.step()
    assert 0 < layer.weight.item() < 1


def test_weight_decay_spares_biases_and_normalisation():
    network = models.build(MODEL)
    optimizer = training.build_optimizer(network, OptimizerConfig(weight_decay=0.1))
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in network.named_parameters():
        assert decay[id(parameter)] == (0.1 if name.endswith("weight") and "norm" not in name else 0.0), name


@pytest.mark.parametrize(
    ("schedule", "at_start", "half_way", "near_the_end"),
    [("constant", 1, 1, 1), ("cosine", 1, 0.5, 0), ("step", 1, 0.1, 0.01), ("warmup-cosine", 0, 0.5, 0)],
)
def test_a_schedule_takes_the_values_it_is_named_for(schedule, at_start, half_way, near_the_end):
    factor = training.SCHEDULES[schedule]
    assert factor(0.0) == pytest.approx(at_start)
    assert factor(0.5) == pytest.approx(half_way)
    assert factor(1.0) == pytest.approx(near_the_end, abs=1e-9)


def test_the_learning_rate_in_the_history_follows_the_schedule(bright_and_dark, tmp_path):
    optimizer = OptimizerConfig(learning_rate=0.1, schedule="cosine")
    _, result = fit(bright_and_dark, tmp_path, TrainingConfig(epochs=2, batch_size=8, optimizer=optimizer))
    expected = [0.1 * 0.5 * (1 + math.cos(math.pi * epochs / 2)) for epochs in (1, 2)]
    assert [row["learning_rate"] for row in result.history] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("config", "named"),
    [(OptimizerConfig(name="adamm"), "adamm.*known: sgd"), (OptimizerConfig(schedule="cos"), "cos.*known: constant")],
)
def test_an_unknown_optimiser_or_schedule_is_refused_with_the_known_ones(bright_and_dark, tmp_path, config, named):
    with pytest.raises(ValueError, match=named):
        fit(bright_and_dark, tmp_path, TrainingConfig(optimizer=config, augmentation=NONE))


def without_time(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


@pytest.mark.parametrize(("side", "together"), [(64, 256), (224, 256), (448, 64), (5000, 1)])
def test_of_large_images_fewer_are_looked_at_together(side, together):
    pixels = training.InMemory(array=np.zeros((1, side, side), np.uint8))
    images = training.Images(pixels=pixels, rows=np.array([0]), labels=np.array([0]))
    assert training.prediction_batch_size(images) == together


def test_sampling_grids_are_theta_of_each_image_in_evaluation_mode():
    network = models.build(TransformerConfig(network=CNNConfig(width=2, depth=2), localisation_width=2))
    with torch.no_grad():
        network.regression.weight.normal_(generator=torch.Generator().manual_seed(0))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 32, 32), np.uint8)
    images = training.Images(pixels=training.InMemory(array=pixels), rows=np.array([4, 0, 2]), labels=np.zeros(3))
    grids = training.sampling_grids(network, images)
    with torch.no_grad():
        expected = network.eval().theta(torch.from_numpy(pixels[[4, 0, 2]])[:, None] / 255)
    np.testing.assert_allclose(grids, expected, rtol=1e-6)
    assert np.ptp(grids, axis=0).max() > 0.01


@pytest.mark.parametrize("terminal", [True, False])
def test_the_progress_bar_is_for_terminals(terminal, bright_and_dark, tmp_path, monkeypatch, capsys):
    network = models.build(MODEL, make_generator(0, 0, "weights"))
    train = images_of(bright_and_dark, np.arange(64))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    training.fit(network, train, train, replace(CONFIG, epochs=1), seed=0, checkpoint=tmp_path / "state.ckpt")
    out, err = capsys.readouterr()
    assert ("Epoch 0" in out + err) == terminal
