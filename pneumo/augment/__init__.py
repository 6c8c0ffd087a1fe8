"""Random transforms of a training batch: the counterpart of Keras' `ImageDataGenerator`.

    images = scale(pixels)                                # (N, H, W) uint8 -> (N, 1, H, W) float32 in [0, 1]
    images = augment(images, GENERATOR, generator)        # other parameters for each image
    images, labels = mixup(images, labels, 0.2, generator)

A batch is transformed as a whole, with parameters of its own for each image. `parameters` draws them, `transform`
applies them, `augment` does both. `reference` computes what `transform` does for one image and one step at a time, as
its specification. The steps, in this order:

1. geometry: crop, flip, zoom, shear, rotation, shift, each about the centre of the image, joined in one affine map so
   that the image is interpolated (bilinearly) once;
2. Gaussian blur;
3. grey levels: contrast about mid-grey (0.5), then brightness, then noise; the result is cut to [0, 1];
4. compression as JPEG, with the rounding to 256 grey levels that belongs to it.

Labels never change, except in `mixup`. Only training images are augmented.
"""

import lazy_loader

# `pneumo status` needs the configurations alone: PyTorch is imported with the first transform.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
