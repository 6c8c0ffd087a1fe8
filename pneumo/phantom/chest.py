"""The attenuation of a frontal X-ray beam by a synthetic chest, at each pixel.

Coordinates are those of an upright viewer: x from -1 (image's left, the patient's right) to 1, y from -1 (top) to 1.
The drawing is analytic, so the same patient can be drawn at any size and in any pose. Attenuation is in units of the
thickest soft tissue of the trunk: lungs stand near 0.5, the heart and the abdomen near 1, the spine above.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pneumo.phantom.shapes import (
    SmoothCurve,
    ellipse_distance,
    random_texture,
    segment_distance,
    smooth_step,
    sphere_thickness,
)

LUNG_AIR = 0.80
"""Share of the soft tissue's attenuation that a lung full of air takes away."""

APEX_HEIGHT, BASE_HEIGHT = -0.70, 0.54
"""Height of the lung's tip and of the costophrenic angle in a patient of average build."""


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """One patient. Lengths in half image widths, angles in radians, a pair of sides is (patient's right, left).

    body_width: from the midline to the skin. lung_width: from the midline to the side of the lung.
    lung_height: from apex to base, as a share of APEX_HEIGHT to BASE_HEIGHT.
    domes, dome_curve: height of the two domes of the diaphragm, and how far their sides hang down.
    heart_centre, heart_axes, heart_tilt: the ventricles' egg. mediastinum: half the width of the great vessels.
    rib_pitch, rib_phase, rib_slope: distance from rib to rib, where they start (in pitches), how far they sink.
    bone: density of all bones. scoliosis: sideward bend of the trunk.
    hilum: prominence of the lung's vessels. abdominal_gas: share of gas in stomach and bowel, 0 to 0.8.
    texture: seed of what is irregular in this patient.
    """

    body_width: float
    lung_width: float
    lung_height: float
    domes: tuple[float, float]
    dome_curve: float
    heart_centre: tuple[float, float]
    heart_axes: tuple[float, float]
    heart_tilt: float
    mediastinum: float
    rib_pitch: float
    rib_phase: float
    rib_slope: float
    bone: float
    scoliosis: float
    arms_raised: bool
    hilum: float
    abdominal_gas: float
    texture: int


@dataclass(frozen=True, kw_only=True)
class Focus:
    """An opacity: an ellipse of lung whose air is replaced by fluid, by the share `fill` in (0, 1]."""

    centre: tuple[float, float]
    radii: tuple[float, float]
    tilt: float
    fill: float


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How the patient lay: rotation in radians, shift and scale of the body in the image, breath from -1 (out) to 1."""

    rotation: float
    shift: tuple[float, float]
    scale: float
    breath: float


def random_anatomy(random: np.random.Generator) -> Anatomy:
    """A child's chest, from thin to stout."""
    normal, uniform = random.normal, random.uniform
    build = normal(0, 1)
    return Anatomy(
        body_width=0.93 + 0.04 * build + normal(0, 0.02),
        lung_width=0.76 + 0.03 * build + normal(0, 0.02),
        lung_height=1.0 + normal(0, 0.05),
        domes=(0.27 + normal(0, 0.04), 0.32 + normal(0, 0.04)),  # the liver lifts the right one
        dome_curve=0.22 + normal(0, 0.03),
        heart_centre=(0.09 + normal(0, 0.02), 0.10 + normal(0, 0.03)),
        heart_axes=(0.31 + normal(0, 0.03), 0.40 + normal(0, 0.03)),
        heart_tilt=-0.6 + normal(0, 0.12),
        mediastinum=uniform(0.15, 0.25),
        rib_pitch=0.150 + normal(0, 0.007),
        rib_phase=uniform(0, 1),
        rib_slope=0.16 + normal(0, 0.05),
        bone=uniform(0.7, 1.2),
        scoliosis=normal(0, 0.015),
        arms_raised=random.random() < 0.6,
        hilum=uniform(0.6, 1.3),
        abdominal_gas=min(max(normal(0.3, 0.5), 0.0), 0.8),
        texture=int(random.integers(2**32)),
    )


def random_pose(random: np.random.Generator) -> Pose:
    """A pose that varies as those of children do."""
    return Pose(
        rotation=random.normal(0, 0.035),
        shift=(random.normal(0, 0.035), random.normal(0, 0.04)),
        scale=1.0 + random.normal(0, 0.05),
        breath=random.uniform(-0.8, 0.8),
    )


def random_foci(random: np.random.Generator, subtype: str, opacity: float) -> tuple[Focus, ...]:
    """The opacities of a subtype: none, one dense lobar focus (bacteria), or faint patches on both sides (virus).

    opacity: about the share of air replaced in a bacterial focus, in (0, 1].
    Raises ValueError for another subtype.
    """
    if subtype == "normal":
        return ()
    if subtype == "bacteria":
        return (_random_focus(random, int(random.choice((-1, 1))), (0.13, 0.24), opacity * random.uniform(0.7, 1.2)),)
    if subtype == "virus":
        sides = (-1,) * int(random.integers(1, 4)) + (1,) * int(random.integers(1, 4))
        return tuple(_random_focus(random, side, (0.08, 0.17), opacity * random.uniform(0.35, 0.7)) for side in sides)
    raise ValueError(f'subtype="{subtype}" is not one of normal, bacteria, virus')


def _random_focus(random: np.random.Generator, side: int, radius: tuple[float, float], fill: float) -> Focus:
    """A focus beside the heart on a side of the image, -1 (left) or 1, with radii in a range."""
    return Focus(
        centre=(side * random.uniform(0.32, 0.52), random.uniform(-0.35, 0.26)),
        radii=(random.uniform(*radius), random.uniform(*radius)),
        tilt=random.uniform(-0.8, 0.8),
        fill=min(fill, 1.0),
    )


# Height in the lung, from apex (0) to base (1), against distance from the midline in lung widths.
LATERAL_OUTLINE = SmoothCurve(
    {-0.05: 0.30, 0.0: 0.44, 0.04: 0.58, 0.10: 0.68, 0.22: 0.79, 0.40: 0.89, 0.60: 0.96, 0.80: 1.0, 1.0: 1.0, 1.3: 0.97}
)
MEDIAL_OUTLINE = SmoothCurve(
    {-0.05: 0.5, 0.0: 0.40, 0.05: 0.29, 0.12: 0.22, 0.3: 0.17, 0.5: 0.17, 1.0: 0.16, 1.3: 0.16}
)
# Height y against half the width of neck, shoulders and trunk, in half widths of the trunk.
TRUNK_OUTLINE = SmoothCurve(
    {
        -1.6: 0.42,
        -1.1: 0.34,
        -0.95: 0.34,
        -0.84: 0.48,
        -0.74: 0.80,
        -0.62: 0.98,
        -0.4: 1.0,
        0.0: 0.97,
        0.5: 1.0,
        1.0: 1.04,
        1.6: 1.1,
    }
)


class Body(NamedTuple):
    """Where in the patient each pixel lies; every field is (size, size) float32, but `left` bool.

    x, y: coordinates. u: distance from the midline. left: on the patient's left.
    place: height in the lung, 0 at the apex, 1 at the base, also outside the lung.
    cage: distance of the rib cage's side wall from the midline at this height.
    """

    x: np.ndarray
    y: np.ndarray
    u: np.ndarray
    left: np.ndarray
    place: np.ndarray
    cage: np.ndarray


def draw(anatomy: Anatomy, foci: tuple[Focus, ...], pose: Pose, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Attenuation (size, size) float32 of a patient, and where the opacities lie, (size, size) bool.

    The mask holds the pixels where an opacity adds at least three tenths of what it adds at its densest.
    """
    random = np.random.default_rng(anatomy.texture)
    body = _body(anatomy, pose, size, random)
    arm = _arm_distance(body, anatomy)
    soft = np.hypot(_trunk(body, anatomy), 0.42 * sphere_thickness((arm / 0.17) ** 2))
    heart = _heart(body, anatomy)
    haze = 0.06 * random_texture(random, size, 8, 1.0) + 0.025 * random_texture(random, size, 48, 0.3)
    air = _lungs(body, anatomy, pose) * (1 - 0.82 * smooth_step(heart, 0.03))
    air *= (1 - np.maximum(haze, -0.1)) * (1 - 0.40 * _vessels(body, anatomy, random))
    added = soft * LUNG_AIR * air * _fluid(body, foci, random)

    bone = _ribs(body, anatomy) + _clavicles(body) + _spine(body, anatomy) + _scapulae(body) + _humerus(arm)
    gas = _airways(body) + _abdominal_gas(body, anatomy, pose, random)
    attenuation = soft * (1 - LUNG_AIR * air + 0.13 * heart + np.float32(anatomy.bone) * bone - gas) + added
    return attenuation, (added > 0.3 * added.max()) & (added > 0)


def lung_mask(anatomy: Anatomy, pose: Pose, size: int) -> np.ndarray:
    """Where the lungs of a patient lie, behind the heart too, (size, size) bool: as `draw` draws them."""
    body = _body(anatomy, pose, size, np.random.default_rng(anatomy.texture))
    return _lungs(body, anatomy, pose) > 0.3


def _body(anatomy: Anatomy, pose: Pose, size: int, random: np.random.Generator) -> Body:
    """The patient's coordinates at each pixel, bent a little so that no outline is a perfect curve."""
    places = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1) / np.float32(pose.scale)
    cos, sin = math.cos(pose.rotation), math.sin(pose.rotation)
    across, down = places[None, :], places[:, None]
    x = across * cos + down * sin - pose.shift[0] + 0.012 * random_texture(random, size, 5, 1.0)
    y = down * cos - across * sin - pose.shift[1] + 0.012 * random_texture(random, size, 5, 1.0)
    x = x - anatomy.scoliosis * np.cos(3 * y)
    place = (y - APEX_HEIGHT) / ((BASE_HEIGHT - APEX_HEIGHT) * anatomy.lung_height)
    cage = LATERAL_OUTLINE(place) * anatomy.lung_width + 0.025
    return Body(x, y, np.abs(x), x > 0, place, cage)


def _trunk(body: Body, anatomy: Anatomy) -> np.ndarray:
    """Thickness of trunk, neck and head: an elliptic cylinder seen from the front, and a ball that ends at the chin."""
    width = TRUNK_OUTLINE(body.y) * anatomy.body_width
    thinner = 0.35 * smooth_step(-0.82 - body.y, 0.12)
    head = 0.5 * sphere_thickness(ellipse_distance(body.u, body.y, (0.0, -1.28), (0.42, 0.38)))
    return sphere_thickness((body.u / width) ** 2) * (1 - thinner + 0.08 * smooth_step(body.y - 0.45, 0.3)) + head


def _lungs(body: Body, anatomy: Anatomy, pose: Pose) -> np.ndarray:
    """Depth of air in [0, 1] between the side wall, the mediastinum and the dome of the diaphragm."""
    lateral = body.cage - 0.025
    medial = np.maximum(MEDIAL_OUTLINE(body.place) * anatomy.lung_width, 0.6 * anatomy.mediastinum)
    dome = np.where(body.left, *(np.float32(anatomy.domes[side] + 0.05 * pose.breath) for side in (1, 0)))
    floor = dome + anatomy.dome_curve * np.abs((body.u - 0.30) / (anatomy.lung_width - 0.30)) ** 2.5
    inside = smooth_step(lateral - body.u, 0.02) * smooth_step(body.u - medial, 0.025)
    inside *= smooth_step(floor - body.y, 0.02) * smooth_step(body.place, 0.02)
    middle, half = (lateral + medial) / 2, np.maximum(lateral - medial, 0.02) / 2 + 0.02
    depth = np.maximum(1 - ((body.u - middle) / half) ** 2, 0) ** np.float32(0.3)
    return inside * depth * (0.80 + 0.20 * smooth_step(body.place - 0.1, 0.25))


def _heart(body: Body, anatomy: Anatomy) -> np.ndarray:
    """Thickness of heart and great vessels, about 1 at most: an egg that points to the patient's left, and a stalk."""
    across, down = anatomy.heart_centre
    width = anatomy.mediastinum
    parts = (
        sphere_thickness(ellipse_distance(body.x, body.y, (across, down), anatomy.heart_axes, anatomy.heart_tilt)),
        0.8
        * sphere_thickness(
            ellipse_distance(body.x, body.y, (across - 0.15, down + 0.06), (0.17, 0.24), 0.1)
        ),  # right atrium
        0.7 * sphere_thickness(ellipse_distance(body.x, body.y, (0.02, -0.25), (width, 0.55))),  # great vessels
        0.5
        * sphere_thickness(ellipse_distance(body.x, body.y, (width - 0.01, -0.27), (0.07, 0.09), 0.2)),  # aortic knob
    )
    return np.sum([part**3 for part in parts], axis=0) ** np.float32(1 / 3)  # a maximum without creases


def _vessels(body: Body, anatomy: Anatomy, random: np.random.Generator) -> np.ndarray:
    """Vessels that branch out from the hilum and thin towards the pleura, in [0, 1]."""
    dx, dy = body.u - 0.17, body.y + 0.06
    radius = np.hypot(dx, dy)
    angle = np.arctan2(dy, dx) + 0.25 * random_texture(random, len(radius), 10, 0.8)
    lines = np.zeros_like(radius)
    for count, reach, width in ((7, 0.28, 0.020), (13, 0.45, 0.012), (23, 0.6, 0.008)):
        offset = np.where(body.left, *random.uniform(0, np.pi, 2).astype(np.float32))
        across = np.abs(np.sin(angle * (count / 2) + offset)) * radius * (2 / count)
        lines = np.maximum(lines, np.clip(1.5 - across / width, 0, 1) * np.clip(1 - radius / reach, 0, 1))
    root = np.exp(-((radius / 0.13) ** 2))
    return np.clip(anatomy.hilum * (0.9 * lines + 0.5 * root), 0, 1)


def _fluid(body: Body, foci: tuple[Focus, ...], random: np.random.Generator) -> np.ndarray:
    """Share of the lung's air that fluid replaces, in [0, 1): ragged at the edge, fluffy inside."""
    ragged = 0.22 * random_texture(random, len(body.x), 12, 0.7)
    fluffy = 1 + 0.22 * random_texture(random, len(body.x), 28, 0.3)
    clear = np.ones_like(body.x)
    for focus in foci:
        distance = np.sqrt(ellipse_distance(body.x, body.y, focus.centre, focus.radii, focus.tilt)) + ragged
        clear *= 1 - np.clip(focus.fill * smooth_step(1.05 - distance, 0.35) * fluffy, 0, 0.95)
    return 1 - clear


def _ribs(body: Body, anatomy: Anatomy) -> np.ndarray:
    """Twelve pairs at once: a rib is where the height along its curve is near a whole number of rib pitches."""
    v = body.u / np.maximum(body.cage, 0.05)  # 0 at the midline, 1 at the side wall
    inside = smooth_step(1 - v, 0.03) * smooth_step(body.place + 0.02, 0.04) * smooth_step(1.2 - body.place, 0.15)
    inside *= 0.3 + 0.7 * smooth_step(0.98 - body.place, 0.1)  # faint behind the abdomen
    slope = anatomy.rib_slope
    behind = slope * v**3 - 0.10 * np.sin(0.9 * np.pi * np.minimum(v, 1))
    before = slope + 0.30 * (1 - v) + 0.25 * (1 - v) ** 2
    posterior = _bands((body.y - behind) / anatomy.rib_pitch - anatomy.rib_phase, 0.20) * smooth_step(v - 0.12, 0.06)
    anterior = _bands((body.y - before) / anatomy.rib_pitch - anatomy.rib_phase, 0.24) * smooth_step(v - 0.5, 0.12)
    tangential = 1 + 1.6 * np.clip(v, 0, 1) ** 8  # seen along the bone where it turns at the side
    wall = 0.05 * np.exp(-(((v - 1) / 0.03) ** 2)) * smooth_step(1.1 - body.place, 0.1)
    return inside * (0.19 * posterior * tangential + 0.08 * anterior * smooth_step(0.85 - body.place, 0.15)) + wall


def _bands(phase: np.ndarray, half_width: float) -> np.ndarray:
    """Bands with bright edges about each whole number."""
    distance = np.abs(phase - np.rint(phase))
    return smooth_step(half_width - distance, 0.07) * (0.65 + 0.7 * (distance / half_width) ** 2)


def _clavicles(body: Body) -> np.ndarray:
    """Two S-shaped bars from the breastbone to the shoulders."""
    line = -0.63 - 0.16 * (body.u - 0.1) - 0.05 * np.sin((body.u - 0.08) * 9.0)
    across = (body.y - line) / (0.022 + 0.012 * np.abs(body.u - 0.3))
    bar = smooth_step(1 - np.abs(across), 0.35) * (0.7 + 0.5 * np.minimum(across * across, 1))
    return 0.22 * bar * smooth_step(body.u - 0.07, 0.02) * smooth_step(0.64 - body.u, 0.04)


def _spine(body: Body, anatomy: Anatomy) -> np.ndarray:
    """Vertebral bodies with discs between them, their bright margins, and the spinous processes."""
    half = 0.080 + 0.018 * body.y
    column = smooth_step(half - body.u, 0.012)
    phase = body.y / anatomy.rib_pitch  # a vertebra for each pair of ribs
    disc = np.abs(phase - np.rint(phase))
    vertebra = 0.55 + 0.45 * smooth_step(0.40 - disc, 0.08)
    margin = 0.35 * np.exp(-(((body.u - half) / 0.018) ** 2))
    process = 0.4 * np.exp(-((body.x / 0.014) ** 2)) * smooth_step(0.25 - disc, 0.1)
    return 0.17 * (column * vertebra + margin + process)


def _scapulae(body: Body) -> np.ndarray:
    """Shoulder blades: a thin blade at the side of the chest, denser along its outer border."""
    border = smooth_step(0.035 - segment_distance(body.u, body.y, (0.78, -0.55), (0.72, -0.08)), 0.03)
    blade = smooth_step(0.10 - segment_distance(body.u, body.y, (0.70, -0.52), (0.70, -0.22)), 0.05)
    return 0.10 * border + 0.05 * blade


def _arm_distance(body: Body, anatomy: Anatomy) -> np.ndarray:
    """Distance from the axis of the upper arm, raised beside the head or hanging beside the trunk."""
    return segment_distance(body.u, body.y, (0.84, -0.58), (1.18, -1.25) if anatomy.arms_raised else (1.14, 0.9))


def _humerus(arm: np.ndarray) -> np.ndarray:
    return 0.35 * smooth_step(0.04 - arm, 0.015)


def _airways(body: Body) -> np.ndarray:
    """Share of attenuation that trachea and main bronchi take away."""
    carina = (-0.01, -0.32)
    trachea = sphere_thickness((segment_distance(body.x, body.y, (0.0, -1.2), carina) / 0.042) ** 2)
    right = smooth_step(0.022 - segment_distance(body.x, body.y, carina, (-0.12, -0.18)), 0.015)
    left = smooth_step(0.020 - segment_distance(body.x, body.y, carina, (0.15, -0.20)), 0.015)
    return 0.15 * trachea + 0.10 * np.maximum(right, left)


def _abdominal_gas(body: Body, anatomy: Anatomy, pose: Pose, random: np.random.Generator) -> np.ndarray:
    """Share of attenuation that air in stomach and bowel takes away."""
    dome = anatomy.domes[1] + 0.05 * pose.breath
    stomach = sphere_thickness(ellipse_distance(body.x, body.y, (0.34, dome + 0.17), (0.17, 0.09), -0.2))
    bowel = smooth_step(random_texture(random, len(body.x), 14, 0.5) - 1.2, 0.6) * smooth_step(body.y - 0.62, 0.08)
    return anatomy.abdominal_gas * (0.32 * stomach + 0.25 * bowel * smooth_step(0.6 - body.u, 0.1))
