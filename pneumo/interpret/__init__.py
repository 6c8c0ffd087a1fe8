"""What a network looks at: Grad-CAM, and images of which a part is occluded."""

import lazy_loader

# PyTorch comes in with the first map.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "gradcam": ["Overlays", "grad_cam", "last_average", "lung_share", "normalised", "overlay", "pointing_game"],
        "occlusion": ["OCCLUSIONS", "borders_only", "lung_field", "occlude_lungs", "shuffle_patches"],
    },
)
