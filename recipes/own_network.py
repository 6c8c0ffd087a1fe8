"""Train a network of your own with this package's images, splits by patient, and random augmentation.

python recipes/own_network.py chest-xray          a name from `pneumo data list`, or a path
"""

import sys

import torch
import torchvision
from torch import nn
from torch.utils.data import DataLoader

from pneumo import evaluation
from pneumo.augment import GENERATOR, RandomAugmentation
from pneumo.training import RadiographDataset

if len(sys.argv) < 2:
    sys.exit(__doc__)
DATA, EPOCHS = sys.argv[1], 2

augmentation = RandomAugmentation(GENERATOR)  # rotation, shifts, zoom, shear, flip and brightness, as in Keras
train = DataLoader(RadiographDataset(DATA, "train", transform=augmentation), batch_size=32, shuffle=True)
validation = DataLoader(RadiographDataset(DATA, "validation"), batch_size=256)

network = torchvision.models.resnet18(num_classes=1)
network.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)  # grey images have one channel
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)

for epoch in range(EPOCHS):
    network.train()
    for images, labels in train:
        loss = nn.functional.binary_cross_entropy_with_logits(network(images)[:, 0], labels.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.inference_mode():
        batches = [(labels, network(images)[:, 0]) for images, labels in validation]
    labels, logits = (torch.cat(each).numpy() for each in zip(*batches, strict=True))
    print(f"epoch {epoch + 1}: validation AUC {float(evaluation.auc(labels, logits)):.3f}")
