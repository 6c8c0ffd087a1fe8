"""Styles that are exchanged between images of different classes."""

import numpy as np
import pytest
import torch

from pneumo.augment import exchange_frames, exchange_styles
from pneumo.augment.style import LARGEST_FRAME, histogram_exchange, low_frequency_exchange, stretch


def images(count: int = 4, side: int = 40) -> torch.Tensor:
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:side, 0:side] / side
    waves = [np.sin(2 * np.pi * (k * x + y)) + 0.3 * random.normal(size=(side, side)) for k in range(count)]
    return torch.tensor(np.stack([(0.5 + 0.1 * wave).clip(0, 1) for wave in waves]), dtype=torch.float32)[:, None]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_full_exchange_of_histograms_gives_the_others_grey_levels_in_the_images_own_order():
    one, other = images()[:1], images()[1:2] ** 2
    changed = histogram_exchange(one, other, torch.ones(1))
    assert torch.equal(changed.flatten().sort().values, other.flatten().sort().values)
    assert torch.equal(changed.flatten().argsort(stable=True), one.flatten().argsort(stable=True))


def test_half_an_exchange_lies_half_way():
    one, other = images()[:1], images()[1:2] ** 2
    half, full = (histogram_exchange(one, other, torch.tensor([s])) for s in (0.5, 1.0))
    torch.testing.assert_close(half, (one + full) / 2)


def test_the_amplitudes_of_low_frequencies_are_the_others_and_all_else_is_the_images_own():
    one, other = images()[:1] * 0.5 + 0.25, images()[1:2] * 0.5 + 0.25
    changed = low_frequency_exchange(one, other, torch.ones(1))
    spectra = [np.fft.fft2(each[0, 0].double().numpy()) for each in (one, other, changed)]
    frequencies = np.abs(np.fft.fftfreq(40))
    low = np.maximum(frequencies[:, None], frequencies[None, :]) <= 0.05  # two cycles of 40 pixels, by hand
    assert low.sum() == 25
    np.testing.assert_allclose(np.abs(spectra[2])[low], np.abs(spectra[1])[low], atol=1e-3)
    np.testing.assert_allclose(spectra[2][~low], spectra[0][~low], atol=1e-3)
    strong = low & (np.abs(spectra[0]) > 1) & (np.abs(spectra[2]) > 1)
    np.testing.assert_allclose(np.angle(spectra[2])[strong], np.angle(spectra[0])[strong], atol=1e-3)


def test_a_wider_original_has_narrower_content_when_it_is_stretched_to_the_same_square():
    image = torch.zeros(1, 1, 8, 8)
    image[..., 2:6] = 1  # a bar of half the width
    wider = stretch(image, torch.tensor([2.0]))
    assert wider[0, 0, 0].tolist() == [0, 0, 0, 1, 1, 0, 0, 0]
    narrower = stretch(image, torch.tensor([0.5]))  # the first is read three quarters of the way from 0 to 1
    assert narrower[0, 0, 0].tolist() == [0.75, 1, 1, 1, 1, 1, 1, 0.75]


def test_an_image_gets_its_style_from_the_other_class_alone():
    # Constant images: exchanged grey levels and low frequencies are those of the partner.
    levels = torch.tensor([0.1, 0.2, 0.8, 0.9])[:, None, None, None].expand(4, 1, 8, 8)
    labels = torch.tensor([0.0, 0.0, 1.0, 1.0])
    changed = [exchange_styles(levels, labels, 1.0, generator(seed)).mean(dim=(1, 2, 3)) for seed in range(50)]
    means = torch.stack(changed)
    own = levels[:, 0, 0, 0]
    towards = torch.where(labels == 0, means - own, own - means)
    assert (towards > -1e-5).all()  # the dark only become brighter, the bright darker
    assert (means[:, :2] > 0.25).any()
    assert (means[:, 2:] < 0.75).any()
    assert means.min() > 0.1 - 1e-5
    assert means.max() < 0.9 + 1e-5


def test_the_share_of_exchanged_images_is_the_probability_less_what_draws_no_part():
    batch, labels = images(2).repeat(200, 1, 1, 1), torch.tensor([0.0, 1.0]).repeat(200)
    changed = exchange_styles(batch, labels, 0.5, generator())
    share = (changed != batch).flatten(1).any(dim=1).float().mean().item()
    # Of the chosen half, a quarter draws neither amplitudes nor grey levels.
    assert share == pytest.approx(0.5 * 0.75, abs=0.07)


def test_a_batch_of_one_class_and_a_probability_of_nothing_leave_images_alone():
    batch = images()
    assert exchange_styles(batch, torch.ones(4), 1.0, generator()) is batch
    assert torch.equal(exchange_styles(batch, torch.tensor([0.0, 1, 0, 1]), 0.0, generator()), batch)


def test_aspect_ratios_are_exchanged_towards_the_partners():
    # A bar in the middle: the images of class 0 come from narrow originals, those of class 1 from wide ones.
    batch = torch.zeros(2, 1, 32, 32)
    batch[..., 12:20] = 1
    labels, aspects = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 2.0])
    widths = [
        exchange_styles(batch, labels, 1.0, generator(seed), aspects=aspects)[:, 0, 16].sum(dim=1) for seed in range(40)
    ]
    narrow, wide = torch.stack(widths).unbind(dim=1)
    assert narrow.max() <= 8.1
    assert narrow.min() < 6
    assert wide.min() >= 7.9
    assert wide.max() > 12


def test_the_same_generator_gives_the_same_images_and_the_input_is_not_written_to():
    batch, labels = images(), torch.tensor([0.0, 1.0, 0.0, 1.0])
    before = batch.clone()
    one, other = (exchange_styles(batch, labels, 1.0, generator(7)) for _ in range(2))
    assert torch.equal(one, other)
    assert torch.equal(batch, before)


def test_a_frame_comes_from_the_other_class_and_the_inside_stays():
    levels = torch.tensor([0.1, 0.2, 0.8, 0.9])[:, None, None, None].expand(4, 1, 50, 50)
    labels = torch.tensor([0.0, 0.0, 1.0, 1.0])
    changed = exchange_frames(levels, labels, 1.0, generator())
    edge = round(50 * LARGEST_FRAME)
    inside = changed[:, 0, edge : 50 - edge, edge : 50 - edge]
    assert torch.equal(inside, levels[:, 0, edge : 50 - edge, edge : 50 - edge])
    for number, (image, others) in enumerate(
        zip(changed, ({0.8, 0.9}, {0.8, 0.9}, {0.1, 0.2}, {0.1, 0.2}), strict=True)
    ):
        frame = set(image.unique().tolist()) - set(levels[number].unique().tolist())
        assert len(frame) == 1  # one partner
        assert min(abs(next(iter(frame)) - other) for other in others) < 1e-6
    widths = [(image[0, 25] != level[0, 0, 0]).int() for image, level in zip(changed, levels, strict=True)]
    assert len({(int(row[:25].sum()), int(row[25:].sum())) for row in widths}) == 4  # each edge has its own


def test_frames_stay_where_nothing_is_exchanged():
    given = images()
    labels = torch.tensor([0.0, 1.0, 0.0, 1.0])
    assert torch.equal(exchange_frames(given, labels, 0.0, generator()), given)
    assert exchange_frames(given, torch.ones(4), 1.0, generator()) is given


def test_half_of_the_frames_are_exchanged_with_a_probability_of_one_half():
    levels = torch.linspace(0, 1, 400)[:, None, None, None].expand(400, 1, 20, 20)
    labels = (torch.arange(400) % 2).float()
    changed = exchange_frames(levels, labels, 0.5, generator())
    exchanged = (changed != levels).flatten(1).any(dim=1).float().mean().item()
    assert exchanged == pytest.approx(0.5, abs=0.08)  # three standard deviations
