"""What saliency maps show: how much of them lies inside a region, and whether they pass tests that a record holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from pneumo.data.catalogue import class_names
from pneumo.evaluation import Interval
from pneumo.interpret.baselines import centre_prior as centre_prior  # what maps are compared with
from pneumo.interpret.deletion import area_under_curves
from pneumo.interpret.gradcam import lung_share, pointing_game

if TYPE_CHECKING:
    from pneumo.experiments.records import Record


def saliency_in_mask(maps: Mapping[str, np.ndarray], mask: np.ndarray) -> pd.DataFrame:
    """How much of each set of saliency maps lies inside a mask, and how much would by chance.

    maps: (N, H, W) from 0 up by name, see `interpret.grad_cam`. mask: bool, (H, W), or (N, H, W) for sets of the same
    images. Returns one row a set, columns
        maps            name of the set
        images          N
        inside          mean share of a map's sum inside the mask; maps of zeros are left out
        maximum inside  share of the maps whose largest value lies inside (the pointing game)
        area            the mask's share of the image: what both would be by chance
    "inside" and "maximum inside" are 95 % intervals over images, of a mean (normal) and of a share (Wilson).

    >>> saliency_in_mask({"corner": np.eye(2)[None]}, np.array([[True, False], [False, False]]))["area"].tolist()
    [0.25]
    """
    rows = []
    for name, saliency in maps.items():
        shares = lung_share(saliency, mask)
        game = pointing_game(saliency, mask)
        cells = {"inside": _mean_interval(shares[np.isfinite(shares)]), "maximum inside": _share_interval(game.hits)}
        rows.append({"maps": name, "images": len(saliency), **cells, "area": float(game.chance.mean())})
    return pd.DataFrame(rows)


CLASS_MAPS = {"grad-cam": "Grad-CAM", "centre": "centre", "random": "random"}
"""Of the maps that a record holds, see `recorded_saliency`: what tables and figures call them."""


def recorded_saliency(record: Record) -> Mapping[str, Any]:
    """What a record holds of Grad-CAM on some test images: see `pneumo.experiments.saliency.measure_saliency`.

    "images" are the rows of `record.frame("test")`. Raises ValueError for a record without it.

    >>> len(recorded_saliency(pneumo.records.get("acquisition/acquisition-saliency/selected-model"))["images"])
    60
    """
    if "saliency" not in record.from_weights:
        raise ValueError(f"{record.experiment.name} holds no maps; give its ReevaluationConfig a number for saliency")
    return record.from_weights["saliency"]


def saliency_in_lungs(models: Mapping[str, Record]) -> pd.DataFrame:
    """How much of the recorded maps lies inside the template of the lungs: one row a model and class.

    models: records that hold maps, by name. The map of an image is that of its own class. Columns
        model, class, images    how many
        inside                  mean share of the map's sum inside the template; maps of zeros are left out
        maximum inside          share of the maps whose largest value lies inside
        area                    the template's mean share of the image: what both would be by chance
        centre inside           mean share, inside the template, of a map of the middle of the image
    "inside" and "maximum inside" are 95 % intervals as in `saliency_in_mask`.
    Raises ValueError for a record without maps.

    >>> frame = saliency_in_lungs({"mine": pneumo.records.get("acquisition/acquisition-saliency/selected-model")})
    >>> frame["class"].tolist()
    ['normal', 'pneumonia']
    """
    rows = []
    for name, record in models.items():
        found = recorded_saliency(record)
        cam, centre = found["maps"]["grad-cam"], found["maps"]["centre"]
        for class_name, chosen in _by_class(record).items():
            shares = _numbers(cam["inside"])[chosen]
            rows.append(
                {
                    "model": name,
                    "class": class_name,
                    "images": int(chosen.sum()),
                    "inside": _mean_interval(shares[np.isfinite(shares)]),
                    "maximum inside": _share_interval(np.array(cam["maximum inside"])[chosen]),
                    "area": float(_numbers(found["area"])[chosen].mean()),
                    "centre inside": float(_numbers(centre["inside"])[chosen].mean()),
                }
            )
    return pd.DataFrame(rows)


def deletion_and_insertion(models: Mapping[str, Record]) -> pd.DataFrame:
    """The recorded curves, averaged over the images of a class.

    models: records that hold maps, by name. Returns one row a model, class, curve ("deletion" or "insertion"), map (of
    CLASS_MAPS) and step, with the columns replaced (the share of the pixels taken or put, in [0, 1]) and probability
    (mean, of the image's own class). Raises ValueError for a record without maps.

    >>> frame = deletion_and_insertion({"mine": pneumo.records.get("acquisition/acquisition-saliency/selected-model")})
    >>> frame.columns.tolist()
    ['model', 'class', 'curve', 'map', 'replaced', 'probability']
    """
    return pd.DataFrame(
        [
            {"model": model, "class": class_name, "curve": curve, "map": CLASS_MAPS[name]}
            | {"replaced": step / (probabilities.shape[1] - 1), "probability": float(mean)}
            for (model, class_name, curve, name), probabilities in _curves(models).items()
            for step, mean in enumerate(probabilities.mean(axis=0))
        ]
    )


def areas_under_curves(models: Mapping[str, Record]) -> pd.DataFrame:
    """Areas under the recorded curves, and how far those of Grad-CAM lie from those of maps that know nothing.

    models: records that hold maps, by name. Returns one row a model, class and curve, with the columns Grad-CAM (mean
    area, in [0, 1]), − random and − centre (Grad-CAM minus the other, on the same images): 95 % intervals over images
    (normal). Of a map that names what its class hangs on, the differences are negative for deletion and positive for
    insertion. Raises ValueError for a record without maps.

    >>> frame = areas_under_curves({"mine": pneumo.records.get("acquisition/acquisition-saliency/selected-model")})
    >>> frame.columns.tolist()
    ['model', 'class', 'curve', 'Grad-CAM', '− random', '− centre']
    """
    areas = {key: area_under_curves(probabilities) for key, probabilities in _curves(models).items()}
    return pd.DataFrame(
        [
            {"model": model, "class": class_name, "curve": curve, "Grad-CAM": _mean_interval(own)}
            | {
                f"− {CLASS_MAPS[other]}": _mean_interval(own - areas[model, class_name, curve, other])
                for other in ("random", "centre")
            }
            for (model, class_name, curve, name), own in areas.items()
            if name == "grad-cam"
        ]
    )


def weight_randomisation(models: Mapping[str, Record]) -> pd.DataFrame:
    """The recorded check with random weights: one row a model, seed of the new weights and step.

    models: records that hold maps, by name. Columns model, seed, randomised (share of the layers, from the head down)
    and rank correlation (with the maps of the trained network, mean over images; NaN where none could be compared).
    Raises ValueError for a record without maps.

    >>> frame = weight_randomisation({"mine": pneumo.records.get("acquisition/acquisition-saliency/selected-model")})
    >>> frame.loc[frame["randomised"] == 0, "rank correlation"].unique()
    array([1.])
    """
    return pd.DataFrame(
        [
            {"model": model, "seed": seed, "randomised": share, "rank correlation": correlation}
            for model, found in ((name, recorded_saliency(record)) for name, record in models.items())
            for seed, correlations in enumerate(_numbers(found["rank correlation"]))
            for share, correlation in zip(found["randomised"], correlations, strict=True)
        ]
    )


def _curves(models: Mapping[str, Record]) -> dict[tuple[str, str, str, str], np.ndarray]:
    """By model, class, curve and map: the probability of the own class, (images of the class, steps)."""
    return {
        (model, class_name, curve, name): _numbers(maps[curve])[chosen]
        for model, record in models.items()
        for class_name, chosen in _by_class(record).items()
        for curve in ("deletion", "insertion")
        for name, maps in recorded_saliency(record)["maps"].items()
    }


def _by_class(record: Record) -> dict[str, np.ndarray]:
    """Which of the images with maps are of each class, (N,) bool."""
    labels = record.frame("test")["label"].to_numpy()[recorded_saliency(record)["images"]]
    return {name: labels == label for label, name in enumerate(class_names(record.experiment.data.name))}


def _numbers(values: Sequence[Any]) -> np.ndarray:
    """What a record holds as nested lists; NaN for None."""
    return np.array(values, float)


def _mean_interval(values: np.ndarray) -> Interval | None:
    if len(values) < 2:
        return None
    mean, half = float(values.mean()), 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def _share_interval(hits: np.ndarray) -> Interval:
    bounds = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    return Interval(float(hits.mean()), float(bounds.low), float(bounds.high))
