from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pneumo.augment import MIXUP, NONE, STRONG
from pneumo.experiments import config
from pneumo.experiments.config import (
    ClassicalConfig,
    CNNConfig,
    DataConfig,
    EfficientNetConfig,
    Experiment,
    HeaderConfig,
    OptimizerConfig,
    PretrainedConfig,
    TrainingConfig,
    TransformerConfig,
)
from pneumo.features import GLCMConfig, HOGConfig, LBPConfig, PixelsConfig, SpectrumConfig
from pneumo.io.digests import json_digest

models = st.one_of(
    st.builds(
        CNNConfig,
        width=st.integers(1, 64),
        depth=st.integers(1, 6),
        batch_norm=st.booleans(),
        dropout=st.floats(0, 0.9),
    ),
    st.builds(TransformerConfig, transformation=st.sampled_from(["affine", "attention"])),
    st.builds(EfficientNetConfig, base=st.sampled_from(["b0", "small"]), width=st.floats(0.5, 2)),
    st.builds(PretrainedConfig, name=st.sampled_from(["efficientnet-lite0", "resnet18"])),
    st.builds(
        ClassicalConfig,
        learner=st.sampled_from(["svm", "forest"]),
        features=st.sampled_from(
            [HOGConfig(), LBPConfig(radii=(1, 3)), GLCMConfig(), PixelsConfig(), SpectrumConfig(rings=9)]
        ),
    ),
    st.builds(HeaderConfig, field=st.sampled_from(["width", "height"])),
)
trainings = st.builds(
    TrainingConfig,
    epochs=st.integers(1, 99),
    batch_size=st.integers(2, 512),
    optimizer=st.builds(OptimizerConfig, learning_rate=st.floats(1e-6, 1), weight_decay=st.floats(0, 1)),
    augmentation=st.sampled_from([NONE, STRONG, MIXUP]),
    patience=st.none() | st.integers(1, 50),
)
experiments = st.builds(
    Experiment,
    name=st.text(min_size=1),
    data=st.builds(DataConfig, name=st.text(min_size=1), version=st.text(), image_size=st.integers(1, 999)),
    model=models,
    training=st.none() | trainings,
    seed=st.integers(0, 2**31),
    minutes=st.floats(0, 1e4),
)


@given(experiments)
def test_an_experiment_survives_the_way_to_json_values_and_back(experiment):
    assert config.from_dict(config.to_dict(experiment)) == experiment


def test_the_key_depends_on_what_determines_the_result_and_on_nothing_else(experiment):
    assert replace(experiment, name="other", minutes=99).key == experiment.key
    assert replace(experiment, seed=4).key != experiment.key
    assert replace(experiment, model=HeaderConfig(field="width")).key != experiment.key
    faster = replace(experiment.training, optimizer=OptimizerConfig(learning_rate=0.02))
    assert replace(experiment, training=faster).key != experiment.key


def test_a_field_at_its_default_does_not_enter_the_key(experiment):
    # Worked out by hand: what is written here is all that differs from a default.
    values = {
        "recipe": config.RECIPE,
        "data": {"name": "phantom", "version": "6-abc"},
        "model": {"kind": "cnn", "width": 2, "depth": 2},
        "training": {"epochs": 2, "optimizer": {"learning_rate": 0.01}},
        "seed": 3,
    }
    assert experiment.key == json_digest(values)[:12]


def test_a_raised_recipe_version_changes_every_key(experiment, monkeypatch):
    before = experiment.key
    monkeypatch.setattr(config, "RECIPE", config.RECIPE + 1)
    assert experiment.key != before


def test_an_unknown_field_is_refused_by_name(experiment):
    values = config.to_dict(experiment)
    values["model"]["attention"] = True
    with pytest.raises(ValueError, match="attention"):
        config.from_dict(values)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: CNNConfig(width=0), "width=0"),
        (lambda: CNNConfig(dropout=1.0), "dropout=1.0"),
        (lambda: OptimizerConfig(learning_rate=0), "learning_rate=0"),
        (lambda: OptimizerConfig(weight_decay=-1), "weight_decay=-1"),
        (lambda: TrainingConfig(epochs=0), "epochs=0"),
        (lambda: TrainingConfig(patience=0), "patience=0"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(make, named):
    with pytest.raises(ValueError, match=named):
        make()


def test_classes_and_labels_are_written_only_where_they_are_given():
    plain, named = (DataConfig(name="a", version="1", positive=positive) for positive in ("", "COVID"))
    assert not {"positive", "negative", "labels"} & set(config.to_dict(plain))
    assert config.to_dict(named)["positive"] == "COVID"
    experiments = [Experiment(name="a", data=data, model=CNNConfig()) for data in (plain, named)]
    assert experiments[0].key != experiments[1].key
    assert [config.from_dict(config.to_dict(experiment)) for experiment in experiments] == experiments


def test_what_is_printed_of_an_experiment_is_what_differs_from_the_defaults():
    data = DataConfig(name="phantom", version="1", image_size=96)
    training = TrainingConfig(epochs=5, optimizer=OptimizerConfig(learning_rate=0.01))
    assert repr(Experiment(name="a", data=data, model=CNNConfig(width=4), training=training)) == (
        "Experiment(name='a', data=DataConfig(name='phantom', version='1', image_size=96), model=CNNConfig(width=4), "
        "training=TrainingConfig(epochs=5, optimizer=OptimizerConfig(learning_rate=0.01)))"
    )
    assert (repr(data), repr(TrainingConfig())) == (
        "DataConfig(name='phantom', version='1', image_size=96)",
        "TrainingConfig()",
    )


@given(experiments)
def test_what_is_printed_of_an_experiment_is_the_experiment(experiment):
    assert eval(repr(experiment), vars(config).copy()) == experiment


def test_the_settings_of_an_experiment_are_found_beside_it():
    from pneumo import experiments as public

    for name in ("CNNConfig", "TrainingConfig", "OptimizerConfig", "PretrainedConfig", "ClassicalConfig"):
        assert getattr(public, name) is getattr(config, name)
