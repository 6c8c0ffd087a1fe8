"""Saliency on phantoms: whose images, and against which masks."""

import numpy as np
import pytest

from pneumo.analysis import phantom_localisation
from pneumo.data.readers.phantom import phantom
from pneumo.experiments.config import CNNConfig, TrainingConfig
from pneumo.phantom import PhantomConfig

FEW = PhantomConfig(patients=40, size=32, opacity=1.0, acquisition_trace=False)


@pytest.fixture(scope="module")
def found() -> phantom_localisation.PhantomMaps:
    return phantom_localisation.maps_on_phantoms(
        FEW, CNNConfig(width=2, depth=2), TrainingConfig(epochs=1, batch_size=8)
    )


def test_the_ill_patients_of_the_test_part_are_asked_each_against_its_own_opacities(found):
    dataset = phantom(FEW)
    ill = dataset.table.query("split == 'test' and label == 1").index
    assert len(found.images) == len(ill) > 0
    np.testing.assert_array_equal(found.images[-1], dataset.source.image(ill[-1]))
    np.testing.assert_array_equal(found.masks[-1], dataset.source.mask(ill[-1]))


def test_training_changes_where_the_network_looks(found):
    untrained, trained = found.saliency["untrained"], found.saliency["trained"]
    assert untrained.shape == trained.shape == found.masks.shape
    assert np.abs(untrained - trained).max() > 0.01
    assert list(found.auc) == list(found.saliency)
    assert all(0 <= area <= 1 for area in found.auc.values())


def test_the_same_seed_gives_the_same_maps(found):
    again = phantom_localisation.maps_on_phantoms(
        FEW, CNNConfig(width=2, depth=2), TrainingConfig(epochs=1, batch_size=8)
    )
    np.testing.assert_array_equal(again.saliency["trained"], found.saliency["trained"])
    np.testing.assert_array_equal(again.saliency["untrained"], found.saliency["untrained"])
