"""What somebody wears, drawn at random: skin, hair, clothes and shoes as surfaces."""

from dataclasses import dataclass, replace

import numpy as np

from .anatomy import Wearer
from .bare_skin import BareSkin
from .garments import Top, Trousers
from .hair import Hair
from .paints import cloth_colour, cloth_paint, hair_colour, plain_paint, skin_colour
from .render import Surface
from .shoes import Shoes, Socks
from .skirts import Skirt

COVERED_MM = 9.0  # skin this far inside of a garment's edge is not drawn


@dataclass(frozen=True, eq=False)
class Outfit:
    """Everything on a body.

    Attributes:
        skin: how it looks where it is bare.
        hair: None for none.
        tops: from the inside out.
        trousers: short ones under a skirt; None for none.
        skirt: None for none.
        socks: None for none.
        shoes: None for bare feet.
    """

    skin: BareSkin
    hair: Hair | None
    tops: tuple[Top, ...]
    trousers: Trousers | None
    skirt: Skirt | None
    socks: Socks | None
    shoes: Shoes | None

    def on(self, wearer: Wearer) -> list[Surface]:
        """Return all surfaces of the dressed person."""
        worn = [top.on(wearer) for top in self.tops]
        covers = [s.keep for s, top in zip(worn, self.tops, strict=True) if not top.open_mm]
        if self.trousers:
            worn.append(self.trousers.on(wearer))
            covers.append(worn[-1].keep)
        if self.skirt:
            worn.append(self.skirt.on(wearer))
        if self.socks:
            worn.append(self.socks.on(wearer))
            covers.append(worn[-1].keep)
        if self.shoes:
            shoes = self.shoes.on(wearer)
            worn += shoes
            covers.append(shoes[0].keep)
        faces = wearer.body.faces
        shown = np.ones(len(faces), bool)
        for keep in covers:
            if keep is not None:
                shown &= (keep[faces] < COVERED_MM).any(1)
        if self.hair:
            worn += self.hair.on(wearer)
        return [self.skin.on(wearer, shown), *worn]


def random_outfit(rng: np.random.Generator, female: bool) -> Outfit:
    """Return what somebody may wear."""
    colour = hair_colour(rng)
    hair = _hair(rng, female, colour)
    beard = 0.0 if female or rng.random() < 0.6 else rng.uniform(0.2, 0.85)
    skin = BareSkin(
        skin_colour(rng),
        colour,
        beard,
        glove=cloth_colour(rng) if rng.random() < 0.03 else None,
    )
    tops = _tops(rng, female)
    skirt = trousers = None
    if rng.random() < (0.3 if female else 0.01):
        skirt = _skirt(rng)
        trousers = Trousers(plain_paint(cloth_colour(rng)), 0.22, 30.0, (3.0, 4.0), 0.0)
        if tops and rng.random() < 0.5:
            tops = (replace(tops[0], paint=skirt.paint), *tops[1:])  # a dress
    else:
        trousers = _trousers(rng, tops)
    socks = Socks(cloth_colour(rng), rng.uniform(1.5, 1.85)) if rng.random() < 0.5 else None
    shoes = _shoes(rng) if rng.random() < 0.9 else None
    return Outfit(skin, hair, tops, trousers, skirt, socks, shoes)


def _hair(rng: np.random.Generator, female: bool, colour: np.ndarray) -> Hair | None:
    colour = cloth_colour(rng) if rng.random() < 0.05 else colour  # dyed, or a cap
    style = rng.choice(3, p=(0.25, 0.5, 0.25) if female else (0.95, 0.03, 0.02))
    made = Hair(
        colour,
        thick_mm=rng.uniform(12, 42) if female else rng.uniform(8, 34),
        style=("short", "long", "tail")[style],
        length_mm=rng.uniform(60, 330),
        seed=int(rng.integers(1 << 30)),
    )
    return None if not female and rng.random() < 0.05 else made


def _tops(rng: np.random.Generator, female: bool) -> tuple[Top, ...]:
    kind = rng.choice(4, p=(0.16, 0.4, 0.1, 0.34))
    sleeve = (0.08, rng.uniform(0.45, 0.75), rng.uniform(1.0, 1.5), 1.93)[kind]
    wide = rng.uniform(3, 36) if rng.random() < 0.7 else rng.uniform(3, 10)
    shirt = Top(
        cloth_paint(rng),
        sleeve,
        hem_mm=rng.uniform(-110, 30) if rng.random() < 0.9 else rng.uniform(60, 170),
        loose_mm=(rng.uniform(3, 10), wide),
        neck_mm=(rng.uniform(-10, 60), rng.uniform(70, 125)),
        folds_mm=0.16 * wide * rng.uniform(0.3, 1),
        phase=int(rng.integers(1 << 30)),
    )
    if not female and rng.random() < 0.06:
        return ()
    if rng.random() > 0.16:
        return (shirt,)
    jacket = Top(
        cloth_paint(rng),
        1.93,
        hem_mm=rng.uniform(-330, -40),
        loose_mm=(12.0, wide + 12),
        neck_mm=(rng.uniform(0, 50), rng.uniform(85, 125)),
        open_mm=rng.uniform(15, 90),
        folds_mm=rng.uniform(2, 7),
        phase=int(rng.integers(1 << 30)),
    )
    return (replace(shirt, loose_mm=(3.0, 6.0), folds_mm=1.0), jacket)


def _trousers(rng: np.random.Generator, tops: tuple[Top, ...]) -> Trousers:
    kind = rng.choice(4, p=(0.1, 0.17, 0.08, 0.65))
    length = (rng.uniform(0.3, 0.45), rng.uniform(0.7, 1.05), rng.uniform(1.3, 1.7), 1.92)[kind]
    tight = rng.uniform(3, 9)
    wide = tight + rng.uniform(0, 32) * rng.random()
    waist = rng.uniform(10, 60)
    if tops and tops[0].hem_mm < waist:  # nothing bare between the two, and the shirt outside
        tight = min(tight, 0.6 * tops[0].loose_mm[1])
    return Trousers(
        cloth_paint(rng) if rng.random() < 0.35 else plain_paint(cloth_colour(rng)),
        length,
        waist,
        (tight, wide),
        folds_mm=rng.uniform(0.5, 5.5) * wide / 40,
        phase=int(rng.integers(1 << 30)),
    )


def _skirt(rng: np.random.Generator) -> Skirt:
    length = rng.uniform(0.45, 1.1) if rng.random() < 0.75 else rng.uniform(1.1, 1.9)
    return Skirt(
        cloth_paint(rng),
        length,
        rng.uniform(20, 110),
        rng.uniform(0.02, 0.45),
        rng.uniform(0, 22),
        int(rng.integers(6, 15)),
    )


def _shoes(rng: np.random.Generator) -> Shoes:
    sole = cloth_colour(rng) if rng.random() < 0.5 else np.full(3, rng.uniform(0.02, 0.7))
    return Shoes(cloth_colour(rng), sole, 1.5 if rng.random() < 0.12 else rng.uniform(1.8, 1.92))
