"""Acquisition: fields of view, and ways to make class and acquisition independent in training."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from pneumo.augment.configuration import MILD, ROBUST
from pneumo.data.catalogue import CATALOGUE
from pneumo.experiments.builders import FULL_LENGTH, repeated, single, study_data
from pneumo.experiments.config import (
    CNNConfig,
    DataConfig,
    Experiment,
    Grey,
    Occlusion,
    OptimizerConfig,
    PretrainedConfig,
    ReevaluationConfig,
    Resize,
    TrainingConfig,
    UntyingConfig,
)
from pneumo.experiments.model_selection import SIX_EPOCHS, TWELVE_EPOCHS, selected_model

CHAPTER = "acquisition"

ACQUISITION_SEEDS = range(2)

TEN_EPOCHS = replace(FULL_LENGTH, epochs=10, augmentation=MILD, validate_on="stressed")
"""Training of all variants."""


FIVE_EPOCHS = replace(SIX_EPOCHS, epochs=5)
"""Training of the pretrained networks: the selected model's, but five epochs long."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What a variant changes: the field of view, the grey levels, and how training unties class and acquisition."""

    resize: Resize = "square"
    grey: Grey = "as-is"
    untying: UntyingConfig = field(default_factory=UntyingConfig)

    @property
    def data(self) -> DataConfig:
        """The study's images as the variant shows them."""
        return replace(study_data(), resize=self.resize, grey=self.grey)

    @property
    def training(self) -> TrainingConfig:
        """How the variant trains."""
        return replace(TEN_EPOCHS, untying=self.untying)


SOFT_WEIGHTS = UntyingConfig(weight_exponent=0.5)

VARIANTS = {
    "stretch": Variant(resize="stretch"),
    "square": Variant(),
    "thorax": Variant(resize="thorax"),
    "square-weights": Variant(untying=SOFT_WEIGHTS),
    "square-bias-balanced": Variant(untying=UntyingConfig(bias_balanced=True)),
    "square-style-exchange": Variant(untying=UntyingConfig(style_exchange=0.5)),
    "square-equalised": Variant(grey="equalised"),
    "square-group-dro": Variant(untying=UntyingConfig(group_dro=0.01)),
    "thorax-combined": Variant(resize="thorax", grey="equalised", untying=replace(SOFT_WEIGHTS, style_exchange=0.5)),
}
"""By name, the most informative first. The first is the field of view of all other networks of the book."""

EVIDENCE: tuple[Occlusion, ...] = ("without-lungs", "border")
"""What is left of the images where a network is asked what it sees, see `ReevaluationConfig.look`."""


def acquisition_variants() -> list[Experiment]:
    """The baseline CNN on all training images in each of VARIANTS; two seeds, one after the other.

    `pneumo run acquisition-variants`: 30 min on 2 cores. A small network, so that all variants can be compared with
    several seeds; what helps it is to be tried on the selected model.
    """
    return [
        experiment
        for seed in ACQUISITION_SEEDS
        for name, variant in VARIANTS.items()
        for experiment in repeated(
            "acquisition-variants",
            name,
            CNNConfig(),
            variant.training,
            chapter=CHAPTER,
            data=variant.data,
            seeds=[seed],
            minutes=1.6,
        )
    ]


def acquisition_transferred() -> list[Experiment]:
    """EfficientNet-Lite0 at 96 pixels, stretched images against the thorax with all that unties; one seed.

    `pneumo run acquisition-transferred`: 12 min on 2 cores. Whether what helps the small network helps a larger one.
    """
    return [
        experiment
        for name in ("stretch", "thorax-combined")
        for experiment in repeated(
            "acquisition-transferred",
            name,
            PretrainedConfig(),
            replace(FIVE_EPOCHS, untying=VARIANTS[name].untying),
            chapter=CHAPTER,
            data=replace(VARIANTS[name].data, image_size=96),
            seeds=range(1),
            minutes=6,
        )
    ]


SIX_EPOCHS_UNCHOSEN = replace(SIX_EPOCHS, keep="last", validate_on="both")
"""Training of `acquisition_recipe`: six epochs from ImageNet's weights, as candidates for the selected model had. The
last is kept, since validation images would choose by the very shortcut; they set the threshold alone."""

FRAMES = 0.5
"""Probability of an exchanged frame in all recipes."""

RECIPES = {
    "square-half-bias-balanced": Variant(
        untying=UntyingConfig(bias_balanced=True, bias_strength=0.5, frame_exchange=FRAMES)
    ),
    "square-bias-balanced": Variant(untying=UntyingConfig(bias_balanced=True, frame_exchange=FRAMES)),
}
"""What `acquisition_recipe` compares, by name."""

CONTINUED = TrainingConfig(
    epochs=3,
    batch_size=32,
    optimizer=OptimizerConfig(learning_rate=3e-4, weight_decay=0.01, schedule="one-cycle"),
    augmentation=ROBUST,
    patience=None,
    averaging=0.99,
    validate_on="both",
    untying=UntyingConfig(bias_balanced=True, frame_exchange=FRAMES),
)
"""Training of `acquisition_continued`: three epochs from the weights of the selected model, which come with the
package (record lite0-160px-12-epochs)."""

CONTINUATIONS = {
    "continued-bias-balanced": replace(CONTINUED, select_by="balanced"),
    "continued-independent": replace(CONTINUED, keep="last", untying=replace(CONTINUED.untying, independence=1.0)),
}
"""What `acquisition_continued` compares, by name: the bias-balanced loss, and with it the penalty on dependence."""


def acquisition_continued() -> list[Experiment]:
    """The selected model trained on, so that it depends less on acquisition; one seed each.

    `pneumo run acquisition-continued`: 28 min on 2 cores. The weights of the selected model must be on this machine
    (`pneumo unpack`).

    >>> {experiment.training.start for experiment in acquisition_continued()}
    {'f5bb3c2f28a1'}
    """
    return [
        experiment
        for name, training in CONTINUATIONS.items()
        for experiment in repeated(
            "acquisition-continued",
            name,
            PretrainedConfig(),
            replace(training, start=selected_model()[-1].key),
            chapter=CHAPTER,
            data=replace(study_data(160), resize="square"),
            seeds=range(1),
            minutes=14,
        )
    ]


def acquisition_recipe() -> list[Experiment]:
    """EfficientNet-Lite0 at 128 pixels, trained so that it depends less on acquisition: each of RECIPES, one seed.

    `pneumo run acquisition-recipe`: 24 min on 2 cores.

    >>> {experiment.training.keep for experiment in acquisition_recipe()}
    {'last'}
    """
    return [
        experiment
        for name, variant in RECIPES.items()
        for experiment in repeated(
            "acquisition-recipe",
            name,
            PretrainedConfig(),
            replace(SIX_EPOCHS_UNCHOSEN, untying=variant.untying),
            chapter=CHAPTER,
            data=replace(variant.data, image_size=128),
            seeds=range(1),
            minutes=12,
        )
    ]


FOUR_EPOCHS = replace(
    SIX_EPOCHS_UNCHOSEN, epochs=4, optimizer=replace(SIX_EPOCHS_UNCHOSEN.optimizer, learning_rate=3e-4)
)
"""Training of `independent_networks`, at 160 pixels."""


def starts() -> dict[str, TrainingConfig]:
    """What `independent_networks` start from, by name: the selected model; and the recipe whose predictions meet the
    goal for the correlation with the width in both classes.

    >>> list(starts())
    ['from-selected', 'from-recipe']
    """
    recipes = {experiment.variant: experiment for experiment in acquisition_recipe()}
    half = recipes["square-half-bias-balanced"]
    full = RECIPES["square-bias-balanced"].untying
    return {
        "from-selected": replace(FOUR_EPOCHS, untying=full, start=selected_model()[-1].key),
        "from-recipe": replace(FOUR_EPOCHS, untying=RECIPES[half.variant].untying, start=half.key),
    }


INDEPENDENT_SEEDS = {"from-selected": range(3), "from-recipe": range(2)}

PREFERRED = "from-selected"
"""Of `starts`, the one of which the independent model is made: its networks have the lower mean loss over strata."""


START_SHARE = 0.2
"""Share of the selected model's weights in the independent model. On validation images 0.1 to 0.3 were tried beside 0:
with 0 the correlation with the width is turned round among normal images, and misses the goal from the other side."""


def independent_networks() -> list[Experiment]:
    """Two networks trained on at 160 pixels with the bias-balanced loss, see `starts`.

    `pneumo run independent-networks`: 85 min on 2 cores. The weights of the selected model (`pneumo unpack`) and of
    `acquisition_recipe` must be on this machine.

    >>> {experiment.variant for experiment in independent_networks()} == {"from-selected", "from-recipe"}
    True
    """
    return [
        experiment
        for name, training in starts().items()
        for experiment in repeated(
            "independent-networks",
            name,
            PretrainedConfig(),
            training,
            chapter=CHAPTER,
            data=_independent_data(),
            seeds=INDEPENDENT_SEEDS[name],
            minutes=17,
        )
    ]


def _independent_data() -> DataConfig:
    return replace(study_data(160), resize="square")


def independent_model() -> list[Experiment]:
    """The networks of PREFERRED, their weights averaged to one with START_SHARE of the selected model's, which also
    reads the flipped image.

    `pneumo run independent-model`: 1 min on 2 cores. The weights must be on this machine.

    >>> independent_model()[0].model.soup
    True
    """
    return [_independent("independent-model", "soup", mirrored=True)]


def _independent(group: str, variant: str, **reading: Any) -> Experiment:
    """The averaged network. reading: fields of its `ReevaluationConfig`."""
    return single(
        group,
        variant,
        ReevaluationConfig(
            network=PretrainedConfig(),
            seeds=tuple(INDEPENDENT_SEEDS[PREFERRED]),
            soup=True,
            start_share=START_SHARE,
            **reading,
        ),
        starts()[PREFERRED],
        chapter=CHAPTER,
        data=_independent_data(),
        minutes=1,
    )


def acquisition_evidence() -> list[Experiment]:
    """The networks of `acquisition_variants` and of `acquisition_recipe`, and the averaged one, on images without lungs
    and on their border alone.

    `pneumo run acquisition-evidence`: 15 min on 2 cores. The weights must be on this machine.
    """
    return [*occluded_variants().values(), *occluded_recipes().values()]


def occluded_recipes() -> dict[tuple[str, Occlusion, int], Experiment]:
    """The experiments of `acquisition_evidence` on recipes, by name, occlusion and seed; and on the averaged network,
    called "independent-model"."""
    networks: dict[tuple[str, Occlusion, int], Experiment] = {
        (name, occlusion, 0): single(
            "acquisition-evidence",
            f"recipe-{name}-{occlusion}",
            ReevaluationConfig(network=PretrainedConfig(), look=occlusion),
            replace(SIX_EPOCHS_UNCHOSEN, untying=variant.untying),
            chapter=CHAPTER,
            data=replace(variant.data, image_size=128),
            minutes=0.7,
        )
        for name, variant in RECIPES.items()
        for occlusion in EVIDENCE
    }
    for occlusion in EVIDENCE:
        networks["independent-model", occlusion, 0] = _independent(
            "acquisition-evidence", f"independent-model-{occlusion}", look=occlusion
        )
    return networks


def occluded_variants() -> dict[tuple[str, Occlusion, int], Experiment]:
    """The experiments of `acquisition_evidence` by variant, occlusion and seed."""
    return {
        (name, occlusion, seed): single(
            "acquisition-evidence",
            f"{name}-{occlusion}-seed-{seed}",
            ReevaluationConfig(network=CNNConfig(), seeds=(seed,), look=occlusion),
            variant.training,
            chapter=CHAPTER,
            data=variant.data,
            minutes=0.1,
        )
        for seed in ACQUISITION_SEEDS
        for name, variant in VARIANTS.items()
        for occlusion in EVIDENCE
    }


def acquisition_external() -> list[Experiment]:
    """The selected and the independent model, frozen, on adult radiographs of another country, which choose nothing.

    `pneumo run acquisition-external`: 2 min on 2 cores. The weights must be on this machine (`pneumo unpack`).
    """
    elsewhere: dict[str, Any] = {"elsewhere": "nih-adults", "elsewhere_version": CATALOGUE["nih-adults"].version}
    return [
        single(
            "acquisition-external",
            "selected-model",
            ReevaluationConfig(network=PretrainedConfig(), mirrored=True, **elsewhere),
            TWELVE_EPOCHS,
            chapter=CHAPTER,
            data=study_data(160),
            minutes=1,
        ),
        _independent("acquisition-external", "independent-model", mirrored=True, **elsewhere),
    ]
