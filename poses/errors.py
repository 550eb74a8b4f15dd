"""The errors that lift3d raises on purpose: one base, leaves where a caller reacts differently."""


class Lift3dError(Exception):
    """Base of every error that lift3d raises on purpose; its text is one line for people."""


class BadInput(Lift3dError, ValueError):
    """An argument or a file has not the form that the function asks for."""


class DecodeError(Lift3dError):
    """An image, a video or a data file could not be read."""


class WeightsMissing(Lift3dError):
    """A weights file is absent, damaged or not the one that the zoo names."""


class NotFitted(Lift3dError):
    """A lifter was used before `fit` or `load`."""


class PluginError(Lift3dError):
    """A name or an object given as detector or lifter is not one."""
