"""What tables and figures call the variants of the book's comparisons: words instead of names of records."""

from __future__ import annotations

import math
import re

ALL_IMAGES, TENTH = "all images", "a tenth of the images"

REGULARISERS = {
    "none": "none",
    "dropout": "dropout",
    "weight-decay": "weight decay",
    "label-smoothing": "label smoothing",
    "early-stopping": "early stopping",
    "all": "all together",
}
AUGMENTATIONS = {
    "none": "none",
    "mild": "mild",
    "generator": "generator",
    "strong": "strong",
    "mixup": "mixup",
}

WORDS = {
    # CNN architecture
    "baseline": "baseline",
    "depth-2": "two blocks",
    "width-8": "half the channels",
    "width-32": "twice the channels",
    "no-batch-norm": "no batch normalisation",
    "008": "8",
    "032": "32",
    "064": "64",
    "128": "128",
    "coarse": "250 pixels",
    "coarse-deeper": "250 pixels, one block more",
    "fine": "500 pixels",
    "fine-deeper": "500 pixels, one block more",
    # Sizes of features
    "hog-4": "HOG, cells of 4 pixels",
    "hog-8": "HOG, cells of 8 pixels",
    "hog-16": "HOG, cells of 16 pixels",
    "hog-32": "HOG, cells of 32 pixels",
    "lbp-1": "LBP, radius 1",
    "lbp-4": "LBP, radii 1, 2 and 4",
    "lbp-8": "LBP, radii 1, 2, 4 and 8",
    "lbp-16": "LBP, radii 1, 2, 4, 8 and 16",
    "lbp-32": "LBP, radii 1, 2, 4, 8, 16 and 32",
    "glcm-1": "GLCM, distance 1",
    "glcm-8": "GLCM, distances 1, 2, 4 and 8",
    "glcm-16": "GLCM, distances 1, 2, 4, 8 and 16",
    "glcm-32": "GLCM, distances 1, 2, 4, 8, 16 and 32",
    "glcm-64": "GLCM, distances 1, 2, 4, 8, 16, 32 and 64",
    # Spatial transformer networks
    "clean-cnn": "CNN alone, original images",
    "clean-affine": "affine, original images",
    "clean-attention": "attention, original images",
    "displaced-cnn": "CNN alone, displaced images",
    "displaced-affine": "affine, displaced images",
    "displaced-attention": "attention, displaced images",
    # Optimisers and schedules
    "sgd": "SGD",
    "momentum": "SGD with momentum",
    "nesterov": "Nesterov",
    "rmsprop": "RMSprop",
    "adam": "Adam",
    "adamw": "AdamW",
    "step": "step",
    "warmup-cosine": "warm-up and cosine",
    "one-cycle": "one cycle",
    "constant-third": "constant, a third of the rate",
    "constant-tenth": "constant, a tenth of the rate",
    # Transfer learning
    "scratch": "from scratch",
    "head": "head (feature extraction)",
    "top": "top (partial fine-tuning)",
    "all": "all (full fine-tuning)",
    # Acquisition
    "stretch": "stretched",
    "square": "square",
    "thorax": "thorax",
    "square-weights": "square, weights",
    "square-bias-balanced": "square, bias-balanced loss",
    "square-style-exchange": "square, style exchange",
    "square-equalised": "square, equalised grey levels",
    "square-group-dro": "square, group DRO",
    "thorax-combined": "thorax, all together",
    "from-selected": "selected model, four more epochs",
    "from-recipe": "half the bias-balanced loss, four more epochs",
    "imagenet-bias-balanced": "from ImageNet, bias-balanced loss",
    "imagenet-half-bias-balanced": "from ImageNet, half the bias-balanced loss",
    "lite0-224px": "selected model, four more epochs, 224 px",
    "lite1-128px": "EfficientNet-Lite1, half the bias-balanced loss",
    "lite2-128px": "EfficientNet-Lite2, half the bias-balanced loss",
    "continued-bias-balanced": "three more epochs, bias-balanced loss",
    "continued-independent": "three more epochs, with the penalty",
    "independent-model": "independent model",
    "soup": "mean of three networks",
    # EfficientNet
    "base": "base",
    "depth": "depth",
    "resolution": "resolution",
    "compound": "compound rule",
    # Model selection
    "lite0-160px-6-epochs": "EfficientNet-Lite0, 160 px, 6 epochs",
    "lite0-160px-12-epochs": "EfficientNet-Lite0, 160 px, 12 epochs",
    "flip-6-epochs-seed-0": "6 epochs, seed 0, with the flipped image",
    "flip-6-epochs-seed-1": "6 epochs, seed 1, with the flipped image",
    "ensemble-6-epochs": "6 epochs, mean of two networks",
    "ensemble-flip-6-epochs": "6 epochs, mean of two networks, with the flipped image",
    "flip-12-epochs": "12 epochs, with the flipped image",
    # Classical learners, and tumour detection
    "svm-pixels": "SVM, pixels",
    "svm-hog": "SVM, HOG",
    "svm-lbp": "SVM, LBP",
    "svm-glcm": "SVM, GLCM",
    "forest-pixels": "random forest, pixels",
    "forest-hog": "random forest, HOG",
    "forest-lbp": "random forest, LBP",
    "forest-glcm": "random forest, GLCM",
    "xgboost-pixels": "gradient boosting, pixels",
    "xgboost-hog": "gradient boosting, HOG",
    "xgboost-lbp": "gradient boosting, LBP",
    "xgboost-glcm": "gradient boosting, GLCM",
    "cnn": "CNN",
    "spatial-transformer": "CNN with a spatial transformer",
    "augmented": "CNN with augmentation",
    "regularised": "CNN with regularisation",
    "transferred": "EfficientNet-Lite0, fine-tuned",
    # Parts of the data
    "train": "training",
    # Two networks under examination, and their images
    "without-lungs": "without lungs",
    "aspect": "aspect ratio",
    "jpeg-quality": "JPEG quality",
    "bytes-per-megapixel": "bytes per megapixel",
    "fine-spectrum": "fine spectrum",
    "first-network": "baseline CNN",
    "selected-model": "selected model",
    **{f"full-{name}": f"{words}, {ALL_IMAGES}" for name, words in (REGULARISERS | AUGMENTATIONS).items()},
    **{f"tenth-{name}": f"{words}, {TENTH}" for name, words in (REGULARISERS | AUGMENTATIONS).items()},
}
"""Words by the variant's name in records."""

LEARNING_RATE = re.compile(r"(sgd|momentum|nesterov|rmsprop|adam|adamw)-(\d.*)")
"""A variant of the sweep of learning rates: the optimiser and its rate."""

CHANGES = {
    "without-lungs": "without lungs",
    "border": "border alone",
    "shuffled": "shuffled",
    "blur": "blur {}",
    "noise": "noise {}",
    "contrast": "contrast {}",
    "rotation": "rotation {}°",
    "jpeg": "JPEG quality {}",
}
"""What was done to the images of a network that is evaluated again, by the name of the change."""

CHANGED_IMAGES = re.compile(rf"(?:recipe-)?(.+?)-({'|'.join(CHANGES)})(?:-([\d.]+))?(?:-seed-(\d))?")
"""A network on changed images: its name, the change, how much of it, and the seed."""


def in_words(name: str) -> str:
    """What readers call a variant, a model or a field of a header; of another name underscores are shown as spaces.

    >>> in_words("tenth-weight-decay"), in_words("jpeg_quality"), in_words("adamw-0.01"), in_words("my_network")
    ('weight decay, a tenth of the images', 'JPEG quality', 'AdamW, rate 0.01', 'my network')
    >>> in_words("first-network-jpeg-5"), in_words("square-group-dro-border-seed-1")
    ('baseline CNN, JPEG quality 5', 'square, group DRO, border alone, seed 1')
    """
    if rate := LEARNING_RATE.fullmatch(name):
        return f"{WORDS[rate[1]]}, rate {rate[2]}"
    if changed := CHANGED_IMAGES.fullmatch(name):
        network, change, amount, seed = changed.groups()
        words = (in_words(network), CHANGES[change].format(amount), f"seed {seed}" if seed else "")
        return ", ".join(filter(None, words))
    return WORDS.get(name.replace("_", "-"), name.replace("_", " "))


def variant_in_words(variant: str) -> str:
    """What readers call the variant of a record; one that the book does not know, by its name with spaces.

    >>> variant_in_words("no-batch-norm"), variant_in_words("my-variant")
    ('no batch normalisation', 'my variant')
    """
    words = in_words(variant)
    return variant.replace("-", " ") if words == variant else words


GROUPS_IN_WORDS = {
    "headers": "fields of the header",
    "spectra": "power spectra",
    "first-network": "baseline CNN",
    "classical": "classical learners",
    "feature-sizes": "sizes of features",
    "network-parts": "parts of the network",
    "detail": "250 against 500 pixels",
    "optimizers": "optimisers",
    "transfer-tenth": "transfer learning, a tenth of the images",
    "scaling": "resolution, width, depth",
    "recipe-steps": "steps of the training recipe",
    "occlusions": "occluded images",
    "perturbations": "perturbed images",
    "acquisition-variants": "acquisition, small networks",
    "acquisition-transferred": "acquisition, pretrained networks",
    "acquisition-continued": "acquisition, three more epochs",
    "acquisition-recipe": "acquisition, from ImageNet's weights",
    "acquisition-larger": "acquisition, larger images and networks",
    "independent-networks": "acquisition, four more epochs",
    "acquisition-evidence": "acquisition, occluded images",
    "acquisition-saliency": "acquisition, Grad-CAM",
    "acquisition-external": "acquisition, images from elsewhere",
    "tumours": "tumours, official split",
    "tumour-folds": "tumours, cross-validation",
}


def group_in_words(group: str) -> str:
    """What readers call a comparison.

    >>> group_in_words("optimizers"), group_in_words("batch-size")
    ('optimisers', 'batch size')
    """
    return GROUPS_IN_WORDS.get(group, group.replace("-", " "))


def duration_in_words(minutes: float) -> str:
    """Whole minutes, with hours from two of them on; below one minute whole seconds.

    >>> duration_in_words(3.4), duration_in_words(0.2), duration_in_words(0.001), duration_in_words(0)
    ('3 min', '12 s', '1 s', '0 s')
    >>> duration_in_words(119.6), duration_in_words(1523)
    ('2 h 00 min', '25 h 23 min')
    """
    seconds = math.ceil(60 * minutes)
    if seconds < 60:
        return f"{seconds} s"
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest:02} min" if hours >= 2 else f"{minutes:.0f} min"


def difference_in_words(words: str, other: str) -> str:
    """The difference of two variants in words; what follows a comma is said once, in front, where both share it.

    >>> difference_in_words("dropout, a tenth of the images", "none, a tenth of the images")
    'a tenth of the images: dropout − none'
    """
    first, comma, shared = words.partition(", ")
    second, _, same = other.partition(", ")
    if comma and shared == same:
        return f"{shared}: {first} − {second}"
    return f"{words} − {other}"
