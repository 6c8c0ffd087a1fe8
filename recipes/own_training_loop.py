"""Put this package's spatial transformer before your own network, in your own training loop.

python recipes/own_training_loop.py chest-xray
"""

import itertools
import sys

import torch
from torch import nn
from torch.utils.data import DataLoader

from pneumo.models import SpatialTransformerLayer
from pneumo.training import RadiographDataset

if len(sys.argv) < 2:
    sys.exit(__doc__)
DATA, STEPS = sys.argv[1], 20

window = SpatialTransformerLayer(channels=1, transformation="attention")  # a scale and a shift for each image
network = nn.Sequential(
    window,
    nn.Conv2d(1, 16, kernel_size=3, padding=1),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(8),
    nn.Flatten(),
    nn.Linear(16 * 8 * 8, 1),
)
loader = DataLoader(RadiographDataset(DATA, "train"), batch_size=32, shuffle=True)
# The window moves everything that the network behind it sees, so it learns more slowly.
groups = [{"params": window.parameters(), "lr": 1e-4}, {"params": network[1:].parameters(), "lr": 1e-3}]
optimizer = torch.optim.AdamW(groups)

batches = (batch for _ in itertools.count() for batch in loader)  # epoch after epoch, each in another order
for step, (images, labels) in enumerate(itertools.islice(batches, STEPS)):
    loss = nn.functional.binary_cross_entropy_with_logits(network(images)[:, 0], labels.float())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"step {step + 1}: loss {loss.item():.3f}")

network.eval()
scale, _, shift_x, _, _, shift_y = window.theta(images[:1]).detach().flatten().tolist()
print(f"the window of the first image: {scale:.2f} of its sides, moved by ({shift_x:.2f}, {shift_y:.2f}) half-images")
