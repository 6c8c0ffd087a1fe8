from .baselines import (
    centre_prior as centre_prior,
    random_maps as random_maps,
)
from .deletion import (
    area_under_curves as area_under_curves,
    curves as curves,
)
from .gradcam import (
    GradCamOverlays as GradCamOverlays,
    grad_cam as grad_cam,
    last_pooling_layer as last_pooling_layer,
    lung_share as lung_share,
    normalise_maps as normalise_maps,
    overlay as overlay,
    pointing_game as pointing_game,
)
from .occlusion import (
    OCCLUSIONS as OCCLUSIONS,
    borders_only as borders_only,
    lung_field as lung_field,
    occlude_lungs as occlude_lungs,
    shuffle_patches as shuffle_patches,
)
from .randomisation import (
    randomisation_check as randomisation_check,
)
