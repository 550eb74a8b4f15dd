"""Colours and patterns: cloth, skin and hair, as linear reflectance."""

from dataclasses import dataclass

import cv2
import numpy as np

from .render import Paint

# sRGB tones of skin from light to dark, read off photos of people
SKIN_SRGB = np.array(
    [[238, 205, 184], [226, 182, 155], [205, 152, 120], [172, 118, 86], [128, 82, 58], [82, 52, 39]]
)
HAIR_SRGB = np.array(
    [[24, 20, 19], [48, 33, 25], [86, 58, 38], [140, 100, 62], [190, 152, 98], [150, 148, 146],
     [122, 60, 36]]
)  # fmt: skip
PATTERNS = {
    "plain": 0.56, "rings": 0.08, "stripes": 0.03, "slanted": 0.02, "checks": 0.08, "dots": 0.04,
    "print": 0.09, "blotches": 0.05, "two tones": 0.05,
}  # fmt: skip
HAIR_SHARE = (0.36, 0.24, 0.16, 0.09, 0.06, 0.05, 0.04)


def linear(srgb: np.ndarray) -> np.ndarray:
    """Return the linear light of sRGB values 0..255.

    >>> linear(np.array([0, 255]))
    array([0., 1.])
    """
    value = np.asarray(srgb, float) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def to_srgb(light: np.ndarray) -> np.ndarray:
    """Return linear light as sRGB 0..255, float32, with a soft shoulder for what is too bright."""
    value = np.clip(light, 0, None).astype(np.float32)
    value = np.where(value > 0.7, 0.7 + 0.3 * np.tanh((value - 0.7) / 0.3), value)
    low, high = 12.92 * value, 1.055 * np.power(value, np.float32(1 / 2.4)) - 0.055
    return 255 * np.clip(np.where(value < 0.0031308, low, high), 0, 1)


def skin_colour(rng: np.random.Generator) -> np.ndarray:
    """Return a skin's reflectance (3,), from very light to very dark."""
    tone = rng.uniform(0, len(SKIN_SRGB) - 1)
    at = np.arange(len(SKIN_SRGB))
    srgb = np.array([np.interp(tone, at, channel) for channel in SKIN_SRGB.T])
    return linear(np.clip(srgb * rng.uniform(0.95, 1.04, 3), 0, 255))


def hair_colour(rng: np.random.Generator) -> np.ndarray:
    """Return a hair's reflectance (3,)."""
    srgb = HAIR_SRGB[rng.choice(len(HAIR_SRGB), p=HAIR_SHARE)] * rng.uniform(0.75, 1.2)
    return linear(np.clip(srgb, 0, 255))


def cloth_colour(rng: np.random.Generator) -> np.ndarray:
    """Return a cloth's reflectance (3,): often dark, white, grey or blue, now and then bright."""
    kind = rng.choice(4, p=(0.28, 0.17, 0.2, 0.35))
    hue, grey = rng.uniform(0, 180), rng.uniform(0, 25)
    hsv = [
        (hue, rng.uniform(0, 90), rng.uniform(18, 75)),  # dark
        (hue, grey, rng.uniform(200, 245)),  # white
        (rng.uniform(100, 120), rng.uniform(40, 150), rng.uniform(40, 160)),  # jeans and the like
        (hue, 255 * rng.beta(1.5, 2.2), 255 * rng.beta(2.2, 1.5)),
    ][kind]
    pixel = cv2.cvtColor(np.array([[hsv]], np.uint8), cv2.COLOR_HSV2RGB)
    return linear(pixel[0, 0])


def plain_paint(colour: np.ndarray) -> Paint:
    """Return cloth of one colour (3,)."""
    return lambda p: np.broadcast_to(colour, p.shape)


@dataclass(frozen=True, eq=False)
class Cloth:
    """A pattern of two colours, a paint: takes points (P, 3) at rest, mm, to colours (P, 3).

    Attributes:
        pattern: one of `PATTERNS`.
        colours: (2, 3).
        period_mm: of what repeats.
        share: of the second colour in stripes.
        level_mm: height where two tones meet.
        print_mm: height and radius of a print on the chest.
        grain: (5, 3) directions of the noise, radians a millimetre; `phase` (5,) goes with it.
        wear: how much lighter and darker the cloth is in places.
    """

    pattern: str
    colours: np.ndarray
    period_mm: float
    share: float
    level_mm: float
    print_mm: tuple[float, float]
    grain: np.ndarray
    phase: np.ndarray
    wear: float

    def __call__(self, rest_mm: np.ndarray) -> np.ndarray:
        """Return the colours (P, 3) at places (P, 3)."""
        noise = np.sin(rest_mm @ self.grain.T + self.phase).mean(1)
        mix = np.asarray(self._mix(rest_mm, noise), float)[:, None]
        first, second = self.colours
        return (first + mix * (second - first)) * (1 + self.wear * noise[:, None])

    def _mix(self, rest_mm: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Return how much of the second colour there is (P,)."""
        x, y, z = rest_mm.T
        if self.pattern == "rings":
            return self._bands(y)
        if self.pattern == "stripes":
            return self._bands(x + 0.3 * z)
        if self.pattern == "slanted":
            return self._bands(x + y + 0.5 * z)
        if self.pattern == "checks":
            return 0.5 * self._bands(x + 0.3 * z) + 0.5 * self._bands(y)
        if self.pattern == "dots":
            half = self.period_mm / 2
            across, up = np.mod(x + z, 2 * half) - half, np.mod(y, 2 * half) - half
            return across**2 + up**2 < (0.6 * half) ** 2
        if self.pattern == "print":
            height, radius = self.print_mm
            return (np.hypot(x, 1.3 * (y - height)) < radius * (1 + noise)) & (z > 0)
        if self.pattern == "blotches":
            return noise > 0.05
        if self.pattern == "two tones":
            return y < self.level_mm
        return np.zeros(len(y))

    def _bands(self, place: np.ndarray) -> np.ndarray:
        return np.mod(place, self.period_mm) < self.share * self.period_mm


def cloth_paint(rng: np.random.Generator) -> Cloth:
    """Return a pattern of cloth, more often plain than not."""
    scales = np.array([0.004, 0.008, 0.012, 0.02, 0.03])
    return Cloth(
        pattern=list(PATTERNS)[rng.choice(len(PATTERNS), p=list(PATTERNS.values()))],
        colours=np.stack([cloth_colour(rng), cloth_colour(rng)]),
        period_mm=rng.uniform(18, 130),
        share=rng.uniform(0.2, 0.6),
        level_mm=rng.uniform(900, 1400),
        print_mm=(rng.uniform(1150, 1300), rng.uniform(40, 110)),
        grain=rng.normal(size=(5, 3)) * scales[:, None],
        phase=rng.uniform(0, 7, 5),
        wear=rng.uniform(0.0, 0.12),
    )
