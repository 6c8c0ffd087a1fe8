"""Losses that make class and stratum independent: against numbers worked out by hand."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from support.precision import of_training

from pneumo import models, training
from pneumo.augment import MIXUP, STRONG
from pneumo.data.strata import STRATUM_EDGES, StratumField
from pneumo.experiments.config import CNNConfig, OptimizerConfig, TrainingConfig, UntyingConfig
from pneumo.training import Images, make_generator
from pneumo.training.untying import (
    UntiedLoss,
    dependence,
    group_dro_step,
    independence_weights,
    log_odds_by_stratum,
    stratum_loss,
)

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1])
STRATA = np.array([0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1])
"""Stratum 0: 1 of class 0 and 6 of class 1; stratum 1: 3 and 2."""


def some_images(labels=LABELS, strata=STRATA, aspects=None) -> Images:
    array = np.random.default_rng(0).integers(0, 256, (len(labels), 16, 16), dtype=np.uint8)
    return Images(
        pixels=training.InMemory(array=array),
        rows=np.arange(len(labels)),
        labels=labels,
        strata=strata,
        aspects=aspects,
    )


def fit(images: Images, validation: Images, config: TrainingConfig, folder):
    network = models.build(CNNConfig(width=2, depth=2), make_generator(0, 0, "weights"))
    result = training.fit(network, images, validation, config, seed=0, checkpoint=folder / "c.ckpt", progress=False)
    return network, result


def first_logits(images: Images) -> np.ndarray:
    """Of the untrained network in training mode, in the order of the images; for one batch of all of them."""
    network = models.build(CNNConfig(width=2, depth=2), make_generator(0, 0, "weights"))
    pixels = torch.from_numpy(images.pixels.rows(images.rows))
    return network.train()(pixels[:, None].float() / 255).detach().double().numpy()


def test_weights_are_the_expected_by_the_found_number_of_images():
    # Expected under independence: 4 * 7 / 12 of class 0 in stratum 0, and so on.
    expected = {(0, 0): 4 * 7 / 12, (0, 1): 4 * 5 / 12, (1, 0): 8 * 7 / 12, (1, 1): 8 * 5 / 12}
    found = {(0, 0): 1, (0, 1): 3, (1, 0): 6, (1, 1): 2}
    by_hand = np.array([expected[cell] / found[cell] for cell in zip(LABELS, STRATA, strict=True)])
    weights = independence_weights(LABELS, STRATA, exponent=1, cap=100)
    np.testing.assert_allclose(weights, by_hand / by_hand.mean())
    # Independent: the share of class 1 is the same in both strata.
    shares = [weights[(s == STRATA) & (LABELS == 1)].sum() / weights[s == STRATA].sum() for s in (0, 1)]
    np.testing.assert_allclose(shares, 8 / 12)


def test_a_softer_exponent_and_a_cap_pull_weights_together():
    soft = independence_weights(LABELS, STRATA, exponent=0.5, cap=100)
    assert soft[0] / soft[4] == pytest.approx(((7 / 3) / (7 / 9)) ** 0.5)
    capped = independence_weights(LABELS, STRATA, exponent=1, cap=1.5)
    assert capped[0] / capped[4] == pytest.approx(1.5 / (7 / 9))
    np.testing.assert_allclose(independence_weights(LABELS, STRATA, exponent=0, cap=10), 1)


def test_log_odds_are_those_of_the_stratum_less_those_of_all():
    shift = log_odds_by_stratum(LABELS, STRATA)
    np.testing.assert_allclose(shift[STRATA == 0], np.log(6 / 1) - np.log(8 / 4))
    np.testing.assert_allclose(shift[STRATA == 1], np.log(2 / 3) - np.log(8 / 4))


def test_one_step_of_group_dro_as_sagawa_et_al_write_it():
    losses = torch.tensor([1.0, 3.0, 0.5], requires_grad=True)
    groups = torch.tensor([0, 0, 2])
    weights = torch.tensor([0.2, 0.3, 0.5])
    loss, updated = group_dro_step(losses, groups, weights, 0.1)
    by_hand = np.array([0.2 * np.exp(0.1 * 2.0), 0.3, 0.5 * np.exp(0.1 * 0.5)])
    by_hand /= by_hand.sum()
    np.testing.assert_allclose(updated.numpy(), by_hand, rtol=1e-6)
    assert loss.item() == pytest.approx(by_hand[0] * 2.0 + by_hand[2] * 0.5)
    loss.backward()
    assert losses.grad is not None
    np.testing.assert_allclose(losses.grad.numpy(), [by_hand[0] / 2, by_hand[0] / 2, by_hand[2]], rtol=1e-6)


def test_the_group_with_the_higher_loss_gains_weight_step_by_step():
    weights = torch.full((2,), 0.5)
    for _ in range(100):
        _, weights = group_dro_step(torch.tensor([1.0, 0.1]), torch.tensor([0, 1]), weights, 0.05)
    assert weights[0].item() == pytest.approx(1 / (1 + np.exp(-100 * 0.05 * 0.9)), abs=1e-4)


def test_the_loss_of_strata_counts_classes_alike_and_takes_the_mean_or_the_worst():
    losses = np.array([1.0, 3.0, 0.2, 0.4, 0.6])
    labels, strata = np.array([0, 1, 1, 0, 1]), np.array([0, 0, 0, 1, 1])
    first, second = (1.0 + (3.0 + 0.2) / 2) / 2, (0.4 + 0.6) / 2
    assert stratum_loss(losses, labels, strata, worst=True) == pytest.approx(max(first, second))
    assert stratum_loss(losses, labels, strata, worst=False) == pytest.approx((first + second) / 2)
    assert stratum_loss(losses[1:3], labels[1:3], strata[1:3], worst=True) == pytest.approx(1.6)


@pytest.mark.parametrize(
    "untying",
    [
        UntyingConfig(smallest_group=1, weight_exponent=0.5),
        UntyingConfig(smallest_group=1, bias_balanced=True),
        UntyingConfig(smallest_group=1, bias_balanced=True, bias_strength=0.3),
        UntyingConfig(smallest_group=1, group_dro=0.1),
        UntyingConfig(smallest_group=1, bias_balanced=True, independence=0.7),
        UntyingConfig(smallest_group=1, independence=0.7),
    ],
)
def test_training_minimises_the_loss_worked_out_by_hand(untying, tmp_path):
    images = some_images()
    logits = first_logits(images)
    loss = np.logaddexp(0, np.where(LABELS == 1, -logits, logits))
    if untying.weight_exponent:
        by_hand = (independence_weights(LABELS, STRATA, exponent=0.5, cap=10) * loss).mean()
    elif untying.bias_balanced:
        shifted = logits + untying.bias_strength * log_odds_by_stratum(LABELS, STRATA)
        by_hand = np.logaddexp(0, np.where(LABELS == 1, -shifted, shifted)).mean()
    elif untying.independence:
        by_hand = loss.mean()
    else:
        means = np.array([loss[(c == LABELS) & (s == STRATA)].mean() for s in (0, 1) for c in (0, 1)])
        weights = 0.25 * np.exp(0.1 * means)
        by_hand = (weights / weights.sum() * means).sum()
    correlations = [np.corrcoef(logits[c == LABELS], STRATA[c == LABELS])[0, 1] for c in (0, 1)]
    by_hand += untying.independence * np.square(correlations).sum()
    config = TrainingConfig(epochs=1, batch_size=12, untying=untying)
    _, result = fit(images, images, config, tmp_path)
    assert result.history[0]["train_loss"] == pytest.approx(by_hand, rel=of_training(1e-4))


def test_the_loss_of_a_batch_looks_up_the_strata_of_its_own_images():
    loss = UntiedLoss(some_images(), np.array([0, 1]), UntyingConfig(bias_balanced=True))
    chosen = np.array([11, 0, 5])
    logits, targets = torch.tensor([0.3, -0.2, 1.0]), torch.tensor([1.0, 0.0, 1.0])
    shifted = logits.double().numpy() + log_odds_by_stratum(LABELS, STRATA)[chosen]
    by_hand = np.logaddexp(0, np.where(targets == 1, -shifted, shifted)).mean()
    assert loss(logits, targets, chosen).item() == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize(("select_by", "worst"), [("balanced", False), ("worst-stratum", True)])
def test_the_epoch_is_chosen_by_the_loss_of_strata_where_asked_for(select_by, worst, tmp_path):
    images = some_images()
    config = TrainingConfig(
        epochs=4,
        batch_size=4,
        patience=None,
        optimizer=OptimizerConfig(learning_rate=0.1),
        select_by=select_by,
        untying=UntyingConfig(smallest_group=1),
    )
    network, result = fit(images, images, config, tmp_path)
    losses = [row["selection_loss"] for row in result.history]
    assert result.epoch == 1 + int(np.argmin(losses))
    logits = training.predict(network, images).astype(float)
    each = np.logaddexp(0, np.where(LABELS == 1, -logits, logits))
    assert stratum_loss(each, LABELS, STRATA, worst=worst) == pytest.approx(min(losses), rel=of_training(1e-4))


def test_a_run_with_group_dro_that_stopped_half_way_ends_with_the_undisturbed_weights(tmp_path):
    images = some_images()
    untying = UntyingConfig(smallest_group=1, group_dro=0.5, style_exchange=0.5)
    config = TrainingConfig(
        epochs=3, batch_size=4, augmentation=STRONG, untying=untying, select_by="worst-stratum", averaging=0.5
    )
    (tmp_path / "a").mkdir()
    whole, result = fit(images, images, config, tmp_path / "a")

    class Stop(Exception):
        pass

    saved = training.SaveStateEachEpoch.on_train_epoch_end

    def save_and_stop(self, trainer, module):
        saved(self, trainer, module)
        if trainer.current_epoch == 0:
            raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.SaveStateEachEpoch, "on_train_epoch_end", save_and_stop)
        with pytest.raises(Stop):
            fit(images, images, config, tmp_path)
    resumed, again = fit(images, images, config, tmp_path)
    for one, other in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert [row["selection_loss"] for row in again.history] == [row["selection_loss"] for row in result.history]


def test_style_exchange_changes_training_and_shapes_change_it_further(tmp_path):
    untying = UntyingConfig(style_exchange=1.0)
    config = TrainingConfig(epochs=1, batch_size=4, keep="last")
    losses = []
    for number, (setting, aspects) in enumerate(
        ((config, None), (replace(config, untying=untying), None), (replace(config, untying=untying), 1.0 + LABELS))
    ):
        (tmp_path / str(number)).mkdir()
        images = some_images(aspects=aspects)
        losses.append(fit(images, images, setting, tmp_path / str(number))[1].history[0]["train_loss"])
    assert len({round(loss, 6) for loss in losses}) == 3


def test_dependence_is_the_squared_correlation_within_each_class_and_has_a_gradient():
    random = np.random.default_rng(3)
    logits = torch.tensor(random.normal(size=20), requires_grad=True)
    labels, codes = random.integers(0, 2, 20), random.integers(0, 4, 20)
    value = dependence(logits, torch.from_numpy(labels), torch.from_numpy(codes))
    x = logits.detach().numpy()
    by_hand = sum(np.corrcoef(x[labels == c], codes[labels == c])[0, 1] ** 2 for c in (0, 1))
    assert value.item() == pytest.approx(by_hand)
    value.backward()
    assert logits.grad is not None
    lower = dependence((logits - 0.01 * logits.grad).detach(), torch.from_numpy(labels), torch.from_numpy(codes))
    assert lower < value


def test_a_class_with_too_few_images_or_one_stratum_adds_no_dependence():
    logits, codes = torch.tensor([1.0, 2.0, 5.0, 4.0, 0.0]), torch.tensor([0, 1, 3, 3, 3])
    assert dependence(logits, torch.tensor([0, 0, 1, 1, 1]), codes).item() == 0


def test_the_exchange_of_frames_changes_training(tmp_path):
    losses = []
    for probability in (0.0, 1.0):
        (tmp_path / str(probability)).mkdir()
        config = TrainingConfig(epochs=1, batch_size=4, untying=UntyingConfig(frame_exchange=probability))
        losses.append(
            fit(some_images(), some_images(), config, tmp_path / str(probability))[1].history[0]["train_loss"]
        )
    assert losses[0] != losses[1]


def test_images_without_strata_are_refused_where_training_needs_them(tmp_path):
    images = some_images(strata=None)
    with pytest.raises(ValueError, match="images have no strata; give Images"):
        fit(images, images, TrainingConfig(epochs=1, select_by="balanced"), tmp_path)


def test_joined_images_keep_labels_and_strata_in_order():
    one, other = some_images(), some_images(LABELS[::-1].copy(), STRATA[::-1].copy())
    both = training.joined(one, other)
    assert both.labels.tolist() == [*LABELS, *LABELS[::-1]]
    assert both.strata is not None
    assert both.strata.tolist() == [*STRATA, *STRATA[::-1]]
    np.testing.assert_array_equal(both.pixels.rows(both.rows[12:]), other.pixels.rows(other.rows))
    assert training.joined(one, some_images(strata=None)).strata is None


def test_perturbed_copies_keep_their_strata():
    copies = training.perturb_once(some_images(), STRONG, make_generator(0, 0, "stress"))
    assert copies.strata is not None
    np.testing.assert_array_equal(copies.strata, STRATA)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: UntyingConfig(field="width"), "field='width'"),
        (lambda: UntyingConfig(weight_exponent=1.5), "weight_exponent=1.5"),
        (lambda: UntyingConfig(weight_cap=0.5), "weight_cap=0.5"),
        (lambda: UntyingConfig(group_dro=-1), "group_dro=-1"),
        (lambda: UntyingConfig(style_exchange=2), "style_exchange=2"),
        (lambda: UntyingConfig(frame_exchange=-0.1), "frame_exchange=-0.1"),
        (lambda: UntyingConfig(bias_strength=0), "bias_strength=0"),
        (lambda: UntyingConfig(independence=-1), "independence=-1"),
        (lambda: UntyingConfig(group_dro=0.1, bias_balanced=True), "use one of them"),
        (lambda: TrainingConfig(select_by="worst"), "select_by='worst'"),
        (lambda: TrainingConfig(validate_on="all"), "validate_on='all'"),
        (lambda: TrainingConfig(augmentation=MIXUP, untying=UntyingConfig(style_exchange=0.5)), "mixup_alpha=0.2"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(make, named):
    with pytest.raises(ValueError, match=named):
        make()


def test_the_fields_are_those_of_the_strata():
    for field in get_args(StratumField):
        assert UntyingConfig(field=field).field in STRATUM_EDGES
