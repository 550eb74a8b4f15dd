"""Where the synthetic people of a training come from: made while it runs, or read from shards."""

from pathlib import Path

from ..datasets.mocap import MocapPack
from ..datasets.synthetic.backgrounds import find_backgrounds
from ..datasets.synthetic.body import read_body
from ..datasets.synthetic.capsules import capsule_body
from ..datasets.synthetic.people import SyntheticPeople
from ..datasets.synthetic.shards import ShardPeople
from ..datasets.synthetic.validation import validation_people
from ..evaluation.fusion import PictureSet
from .synthetic_pictures import PersonSource, StoredPeople


def made_people(
    mocap: MocapPack,
    body: Path | None,
    backgrounds: Path | None,
    count: int,
    seed: int,
    validation: Path | None = None,
) -> tuple[PersonSource, PictureSet]:
    """Return people who are made one by one, and some of the validation subjects.

    Args:
        mocap: poses; split 0 trains, split 1 validates.
        body: body pack; None: capsules.
        backgrounds: folder of photos; None: drawn ones.
        count: people to validate on.
        seed: of the training's people.
        validation: shards of people to validate on; None: the first ones of the fixed set.

    Raises:
        DecodeError, BadInput: a file cannot be read or does not fit.
    """
    shape = read_body(body, "medium") if body else capsule_body()
    photos = find_backgrounds(backgrounds) if backgrounds else None
    people = SyntheticPeople(shape, mocap, photos, seed=seed)
    if validation is not None:
        return people, PictureSet.read(validation, count)
    known = validation_people(shape, mocap, photos)
    return people, PictureSet.of(known.sample(index) for index in range(count))


def stored_people(
    shards: Path, validation: Path, count: int, seed: int
) -> tuple[PersonSource, PictureSet]:
    """Return people who lie in shards, in an order of their own each time round.

    Args:
        shards: folder of those to train on.
        validation: folder of those to validate on.
        count: people to validate on.
        seed: of the order.

    Raises:
        DecodeError, BadInput: a shard cannot be read, there are none, or the ones to train on are
            of the validation subjects.
    """
    people = ShardPeople.to_train_on(shards)
    return StoredPeople(people, seed), PictureSet.read(validation, count)
