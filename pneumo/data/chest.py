"""A chest drawn from numbers: how much a frontal X-ray beam is weakened on its way to each pixel.

Coordinates are those of an upright viewer: x from -1 (image's left, the patient's right) to 1, y from -1 (top) to 1.
The drawing is analytic, so the same patient can be drawn at any size and in any pose. Attenuation is in units of the
thickest soft tissue of the trunk: lungs stand near 0.3, the heart and the abdomen near 1, the spine above.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

LUNG_AIR = 0.80
"""Share of the soft tissue's attenuation that a lung full of air takes away."""

APEX, BASE = -0.70, 0.54
"""Height of the lung's tip and of the costophrenic angle in a patient of average build."""


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """One patient. Lengths in half image widths; a pair is (patient's right, patient's left)."""

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
    stomach_gas: float
    hilum: float
    body_width: float
    texture: int


@dataclass(frozen=True, kw_only=True)
class Focus:
    """An opacity: a part of the lung whose air is replaced by fluid."""

    side: int
    centre: tuple[float, float]
    radii: tuple[float, float]
    tilt: float
    fill: float


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How the patient stood or lay: rotation in radians, shift and scale of the body on the film, breath in [-1, 1]."""

    rotation: float
    shift: tuple[float, float]
    scale: float
    breath: float


def random_anatomy(random: np.random.Generator) -> Anatomy:
    """A child's chest, from thin to stout."""
    near = random.normal
    build = near(0, 1)
    return Anatomy(
        lung_width=0.76 + 0.03 * build + near(0, 0.02),
        lung_height=1.0 + near(0, 0.05),
        domes=(0.27 + near(0, 0.04), 0.32 + near(0, 0.04)),
        dome_curve=0.22 + near(0, 0.03),
        heart_centre=(0.09 + near(0, 0.02), 0.10 + near(0, 0.03)),
        heart_axes=(0.31 + near(0, 0.03), 0.40 + near(0, 0.03)),
        heart_tilt=-0.6 + near(0, 0.12),
        mediastinum=random.uniform(0.15, 0.25),
        rib_pitch=0.150 + near(0, 0.007),
        rib_phase=random.uniform(0, 1),
        rib_slope=0.16 + near(0, 0.05),
        bone=random.uniform(0.7, 1.2),
        scoliosis=near(0, 0.015),
        arms_raised=random.random() < 0.6,
        stomach_gas=max(0.0, near(0.3, 0.5)),
        hilum=random.uniform(0.6, 1.3),
        body_width=0.93 + 0.04 * build + near(0, 0.02),
        texture=int(random.integers(2**32)),
    )


def random_pose(random: np.random.Generator) -> Pose:
    """A pose as children hold it."""
    near = random.normal
    return Pose(
        rotation=near(0, 0.035),
        shift=(near(0, 0.035), near(0, 0.04)),
        scale=1.0 + near(0, 0.05),
        breath=float(np.clip(near(0, 0.4), -1, 1)),
    )


def random_foci(random: np.random.Generator, subtype: str, opacity: float) -> tuple[Focus, ...]:
    """The opacities of a subtype: none, one dense lobar focus (bacteria), or faint patches on both sides (virus).

    opacity: the mean share of air replaced in a bacterial focus, in (0, 1].
    """
    if subtype == "normal":
        return ()
    if subtype == "bacteria":
        side = int(random.choice((-1, 1)))
        centre = (random.uniform(0.36, 0.52), random.uniform(-0.35, 0.25))
        radii = (random.uniform(0.13, 0.24), random.uniform(0.12, 0.22))
        return (Focus(side=side, centre=centre, radii=radii, tilt=random.uniform(-0.6, 0.6),
                      fill=opacity * random.uniform(0.7, 1.2)),)
    foci = []
    for side in (-1, 1):
        for _ in range(int(random.integers(1, 4))):
            centre = (random.uniform(0.28, 0.5), random.uniform(-0.35, 0.28))
            radii = (random.uniform(0.08, 0.17), random.uniform(0.08, 0.18))
            foci.append(Focus(side=side, centre=centre, radii=radii, tilt=random.uniform(-1, 1),
                              fill=opacity * random.uniform(0.35, 0.7)))
    return tuple(foci)


# Shapes


def step(value: np.ndarray, softness: float) -> np.ndarray:
    """0 where value is negative, 1 where positive, a smooth ramp of width 2 * softness between."""
    ramp = np.clip(value * np.float32(0.5 / softness) + np.float32(0.5), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def ball(squared: np.ndarray) -> np.ndarray:
    """Thickness of a ball of radius 1 at squared distance from its centre."""
    return np.sqrt(np.maximum(1 - squared, 0))


def segment(x: np.ndarray, y: np.ndarray, start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    """Distance of each point to a straight segment."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    return np.hypot(x - start[0] - along * dx, y - start[1] - along * dy)


def ellipse(x: np.ndarray, y: np.ndarray, centre: tuple[float, float], radii: tuple[float, float],
            tilt: float) -> np.ndarray:
    """Squared distance from the centre in units of the radii, 1 on the ellipse."""
    cos, sin = math.cos(tilt), math.sin(tilt)
    dx, dy = x - centre[0], y - centre[1]
    return ((dx * cos + dy * sin) / radii[0]) ** 2 + ((dy * cos - dx * sin) / radii[1]) ** 2


@lru_cache(maxsize=64)
def _cosines(size: int, frequencies: int) -> np.ndarray:
    """(size, frequencies): cosine waves of rising frequency over one side of the image."""
    places = (np.arange(size) + 0.5) / size
    return np.cos(np.pi * places[:, None] * np.arange(frequencies)).astype(np.float32)


def clouds(random: np.random.Generator, size: int, frequencies: int, slope: float) -> np.ndarray:
    """Smooth random texture, (size, size), mean about 0 and standard deviation about 1.

    Cosine waves up to `frequencies` half periods a side, amplitudes falling as frequency ** -slope. The same generator
    state gives the same clouds at every size.
    """
    order = np.hypot(*np.meshgrid(np.arange(frequencies), np.arange(frequencies)))
    order[0, 0] = 1
    amplitudes = random.standard_normal((frequencies, frequencies)) * order ** -slope
    amplitudes[0, 0] = 0
    amplitudes *= 2 / np.sqrt((order ** (-2 * slope)).sum())
    waves = _cosines(size, frequencies)
    return waves @ amplitudes.astype(np.float32) @ waves.T


def curve(points: dict[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A smooth curve through control points as a table for np.interp (Catmull-Rom tangents, 16 steps a piece)."""
    places, values = np.array(list(points)), np.array(list(points.values()))
    tangents = np.gradient(values, places)
    fine = np.concatenate([np.linspace(a, b, 16, endpoint=False) for a, b in zip(places, places[1:], strict=False)])
    piece = np.searchsorted(places, fine, side="right") - 1
    width = np.diff(places)[piece]
    t = (fine - places[piece]) / width
    smooth = (
        (1 + 2 * t) * (1 - t) ** 2 * values[piece] + t * (1 - t) ** 2 * width * tangents[piece]
        + t * t * (3 - 2 * t) * values[piece + 1] + t * t * (t - 1) * width * tangents[piece + 1]
    )
    return fine, smooth


# Control points: place from the lung's apex (0) to its base (1) against distance from the midline in lung widths.
LATERAL = curve({-0.05: 0.30, 0.0: 0.44, 0.04: 0.58, 0.10: 0.68, 0.22: 0.79, 0.40: 0.89, 0.60: 0.96, 0.80: 1.0,
                 1.0: 1.0, 1.3: 0.97})
MEDIAL = curve({-0.05: 0.5, 0.0: 0.40, 0.05: 0.29, 0.12: 0.22, 0.3: 0.17, 0.5: 0.17, 1.0: 0.16, 1.3: 0.16})
# Height against half the width of the body, in trunk widths.
OUTLINE = curve({-1.6: 0.42, -1.1: 0.34, -0.95: 0.34, -0.84: 0.48, -0.74: 0.80, -0.62: 0.98, -0.4: 1.0, 0.0: 0.97,
                 0.5: 1.0, 1.0: 1.04, 1.6: 1.1})


def draw(anatomy: Anatomy, foci: tuple[Focus, ...], pose: Pose, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Attenuation (size, size) float32 of a patient, and where the opacities lie, (size, size) bool.

    The mask holds the pixels where an opacity adds at least three tenths of what it adds at its densest.
    """
    random = np.random.default_rng(anatomy.texture)
    x, y = _film(size, pose)
    x = x + 0.012 * clouds(random, size, 5, 1.0) - anatomy.scoliosis * np.cos(3 * y)
    y = y + 0.012 * clouds(random, size, 5, 1.0)
    u = np.abs(x)
    left = x > 0

    lung, place = lungs(u, y, left, anatomy, pose)
    heart = heart_shadow(x, y, anatomy)
    arm = segment(u, y, *((0.84, -0.58), (1.18, -1.25) if anatomy.arms_raised else (1.14, 0.9)))
    soft = np.hypot(trunk(u, y, anatomy), 0.42 * ball((arm / 0.17) ** 2))
    air = lung * (1 - 0.82 * step(heart, 0.03))
    vessels = lung_vessels(u, y, left, anatomy, random)
    haze = 0.06 * clouds(random, size, 8, 1.0) + 0.025 * clouds(random, size, 48, 0.3)
    fill = opacities(x, y, foci, random)
    bones = ribs(u, y, place, anatomy) + clavicles(u, y, anatomy) + spine(x, y, anatomy) + scapulae(u, y, anatomy) + humerus(arm, anatomy)

    clear = air * (1 - np.maximum(haze, -0.1)) * (1 - 0.40 * vessels)
    added = soft * LUNG_AIR * clear * fill
    attenuation = soft * (1 - LUNG_AIR * clear) + added
    attenuation += soft * (0.13 * heart + bones)
    attenuation -= soft * (airways(x, y) + abdominal_gas(x, y, anatomy, pose, random))
    return attenuation, (added > 0.3 * added.max()) & (added > 0)


def _film(size: int, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """The patient's coordinates at each pixel of the film."""
    places = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1) / np.float32(pose.scale)
    cos, sin = np.float32(np.cos(pose.rotation)), np.float32(np.sin(pose.rotation))
    across, down = places[None, :], places[:, None]
    return across * cos + down * sin - np.float32(pose.shift[0]), down * cos - across * sin - np.float32(pose.shift[1])


def trunk(u: np.ndarray, y: np.ndarray, anatomy: Anatomy) -> np.ndarray:
    """Soft tissue of trunk, neck and chin: an elliptic cylinder seen from the front."""
    width = np.interp(y, *OUTLINE).astype(np.float32) * np.float32(anatomy.body_width)
    body = np.sqrt(np.maximum(1 - (u / width) ** 2, 0))
    neck = 0.35 * step(-0.82 - y, 0.12)
    chin = 0.5 * ball(ellipse(u, y, (0.0, -1.28), (0.42, 0.38), 0.0))
    return body * (1.0 - neck + 0.08 * step(y - 0.45, 0.3)) + chin


def lungs(u: np.ndarray, y: np.ndarray, left: np.ndarray, anatomy: Anatomy, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Depth of the lungs in [0, 1], and the height of each pixel between apex (0) and base (1)."""
    base = APEX + (BASE - APEX) * anatomy.lung_height
    place = (y - APEX) / np.float32(base - APEX)
    width = np.float32(anatomy.lung_width)
    lateral = np.interp(place, *LATERAL).astype(np.float32) * width
    medial = np.maximum(np.interp(place, *MEDIAL).astype(np.float32) * width, np.float32(anatomy.mediastinum * 0.6))
    dome = np.where(left, np.float32(anatomy.domes[1]), np.float32(anatomy.domes[0])) + 0.05 * np.float32(pose.breath)
    floor = dome + np.float32(anatomy.dome_curve) * np.abs((u - 0.30) / (width - 0.30)) ** 2.5
    edge = step(lateral - u, 0.02) * step(u - medial, 0.025) * step(floor - y, 0.02) * step(place, 0.02)
    centre, half = (lateral + medial) / 2, np.maximum(lateral - medial, 0.02) / 2 + 0.02
    depth = np.maximum(1 - ((u - centre) / half) ** 2, 0) ** np.float32(0.3)
    return edge * depth * (0.80 + 0.20 * step(place - 0.1, 0.25)), place


def heart_shadow(x: np.ndarray, y: np.ndarray, anatomy: Anatomy) -> np.ndarray:
    """Thickness of heart and great vessels in [0, 1]: an egg that points to the patient's left, and a stalk above."""
    ventricles = ball(ellipse(x, y, anatomy.heart_centre, anatomy.heart_axes, anatomy.heart_tilt))
    atrium = 0.8 * ball(ellipse(x, y, (anatomy.heart_centre[0] - 0.15, anatomy.heart_centre[1] + 0.06), (0.17, 0.24), 0.1))
    width = anatomy.mediastinum
    stalk = 0.7 * ball(ellipse(x, y, (0.02, -0.25), (width, 0.55), 0.0))
    knob = 0.5 * ball(ellipse(x, y, (width - 0.01, -0.27), (0.07, 0.09), 0.2))
    return (ventricles**3 + atrium**3 + stalk**3 + knob**3) ** np.float32(1 / 3)


def ribs(u: np.ndarray, y: np.ndarray, place: np.ndarray, anatomy: Anatomy) -> np.ndarray:
    """Twelve pairs at once: a rib is where the height along its curve is near a whole number of rib pitches."""
    cage = np.interp(place, *LATERAL).astype(np.float32) * np.float32(anatomy.lung_width) + 0.025
    v = u / np.maximum(cage, 0.05)
    inside = step(1.0 - v, 0.03) * step(place + 0.02, 0.04) * (0.3 + 0.7 * step(0.98 - place, 0.1)) * step(1.2 - place, 0.15)
    slope = np.float32(anatomy.rib_slope)
    rise = -0.10 * np.sin(np.pi * np.minimum(v, 1) * 0.9) + slope * v ** 3
    back = _bands((y - rise) / np.float32(anatomy.rib_pitch) - np.float32(anatomy.rib_phase), 0.20)
    fall = slope + 0.30 * (1 - v) + 0.25 * (1 - v) ** 2
    front = _bands((y - fall) / np.float32(anatomy.rib_pitch) - np.float32(anatomy.rib_phase), 0.24)
    tangential = 1 + 1.6 * np.clip(v, 0, 1) ** 8
    posterior = 0.19 * back * step(v - 0.12, 0.06) * tangential
    anterior = 0.08 * front * step(v - 0.5, 0.12) * step(0.85 - place, 0.15)
    wall = 0.05 * np.exp(-(((v - 1) / 0.03) ** 2)) * step(1.1 - place, 0.1)
    return np.float32(anatomy.bone) * (inside * (posterior + anterior) + wall)


def _bands(phase: np.ndarray, half_width: float) -> np.ndarray:
    """Bands with bright edges about each whole number."""
    distance = np.abs(phase - np.rint(phase))
    body = step(half_width - distance, 0.07)
    return body * (0.65 + 0.7 * (distance / half_width) ** 2)


def clavicles(u: np.ndarray, y: np.ndarray, anatomy: Anatomy) -> np.ndarray:
    """Two S-shaped bars from the breastbone to the shoulders."""
    line = -0.63 - 0.16 * (u - 0.1) - 0.05 * np.sin((u - 0.08) * 9.0)
    width = 0.022 + 0.012 * np.abs(u - 0.3)
    across = (y - line) / width
    bar = step(1 - np.abs(across), 0.35) * (0.7 + 0.5 * np.minimum(across * across, 1))
    return np.float32(0.22 * anatomy.bone) * bar * step(u - 0.07, 0.02) * step(0.64 - u, 0.04)


def spine(x: np.ndarray, y: np.ndarray, anatomy: Anatomy) -> np.ndarray:
    """Vertebral bodies with discs between them, pedicles and spinous processes."""
    half = 0.062 + 0.018 * (y + 1)
    column = step(half - np.abs(x), 0.012)
    phase = y / np.float32(anatomy.rib_pitch)
    disc = np.abs(phase - np.rint(phase))
    body = 0.55 + 0.45 * step(0.40 - disc, 0.08)
    margin = 0.35 * np.exp(-(((np.abs(x) - half) / 0.018) ** 2))
    process = 0.4 * np.exp(-((x / 0.014) ** 2)) * step(0.25 - disc, 0.1)
    return np.float32(0.17 * anatomy.bone) * (column * body + margin + process)


def airways(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Share of attenuation that trachea and main bronchi take away."""
    carina = (-0.01, -0.32)
    trachea = ball((segment(x, y, (0.0, -1.2), carina) / 0.042) ** 2)
    right = step(0.022 - segment(x, y, carina, (-0.12, -0.18)), 0.015)
    left = step(0.020 - segment(x, y, carina, (0.15, -0.20)), 0.015)
    return 0.15 * trachea + 0.10 * np.maximum(right, left)


def lung_vessels(u: np.ndarray, y: np.ndarray, left: np.ndarray, anatomy: Anatomy, random: np.random.Generator) -> np.ndarray:
    """Vessels that branch out from the hilum and thin towards the pleura, in [0, 1]."""
    dx, dy = u - 0.17, y + 0.06
    radius = np.hypot(dx, dy)
    angle = np.arctan2(dy, dx) + 0.25 * clouds(random, len(u), 10, 0.8)
    lines = np.zeros_like(u)
    for count, reach, width in ((7, 0.28, 0.020), (13, 0.45, 0.012), (23, 0.6, 0.008)):
        offset = np.where(left, *random.uniform(0, np.pi, 2).astype(np.float32))
        across = np.abs(np.sin(angle * (count / 2) + offset)) * radius * (2 / count)
        lines = np.maximum(lines, np.clip(1.5 - across / width, 0, 1) * np.clip(1 - radius / reach, 0, 1))
    cloud = np.exp(-((radius / 0.13) ** 2))
    return np.clip(np.float32(anatomy.hilum) * (0.9 * lines + 0.5 * cloud), 0, 1)


def scapulae(u: np.ndarray, y: np.ndarray, anatomy: Anatomy) -> np.ndarray:
    """Shoulder blades: a thin triangle at the side of the chest, brighter at its outer border."""
    border = step(0.035 - segment(u, y, (0.78, -0.55), (0.72, -0.08)), 0.03)
    blade = step(0.10 - segment(u, y, (0.70, -0.52), (0.70, -0.22)), 0.05)
    return np.float32(anatomy.bone) * (0.10 * border + 0.05 * blade)


def humerus(distance: np.ndarray, anatomy: Anatomy) -> np.ndarray:
    """The bone inside each upper arm."""
    return np.float32(0.35 * anatomy.bone) * step(0.04 - distance, 0.015)


def abdominal_gas(x: np.ndarray, y: np.ndarray, anatomy: Anatomy, pose: Pose, random: np.random.Generator) -> np.ndarray:
    """Share of attenuation that air in stomach and bowel takes away."""
    dome = anatomy.domes[1] + 0.05 * pose.breath
    stomach = ball(ellipse(x, y, (0.34, dome + 0.17), (0.17, 0.09), -0.2)) * min(anatomy.stomach_gas, 0.8)
    bowel = step(clouds(random, len(x), 14, 0.5) - 1.2, 0.6) * step(y - 0.62, 0.08) * step(0.6 - np.abs(x), 0.1)
    return 0.32 * stomach + 0.25 * bowel * min(anatomy.stomach_gas, 0.8)


def opacities(x: np.ndarray, y: np.ndarray, foci: tuple[Focus, ...], random: np.random.Generator) -> np.ndarray:
    """Share of the lung's air that fluid replaces, in [0, 1)."""
    ragged = 0.22 * clouds(random, len(x), 12, 0.7)
    fluffy = 1 + 0.22 * clouds(random, len(x), 28, 0.3)
    clear = np.ones_like(x)
    for focus in foci:
        centre = (focus.side * focus.centre[0], focus.centre[1])
        distance = np.sqrt(ellipse(x, y, centre, focus.radii, focus.tilt)) + ragged
        clear *= 1 - np.clip(np.float32(focus.fill) * step(1.05 - distance, 0.35) * fluffy, 0, 0.95)
    return 1 - clear
