"""Parcels: how tasks and what they give back are pickled on their way between workers that share no objects."""

from struct import Struct

from maitred_trace_file import PROCESS

FRAME = Struct("<QQ")  # before what a task gives back: its number, the length
PICKLED = 5  # the newest protocol that all interpreters have which this file runs on


def pickler(role):
    """How what is handed over is pickled: between processes as multiprocessing does it, which knows a few types more."""
    if role == PROCESS:
        kind = forking_pickler()
        return lambda value: bytes(kind.dumps(value))
    return pickle_module().dumps


def pickle_module():
    import pickle

    return pickle


def forking_pickler():
    from multiprocessing.reduction import ForkingPickler

    return ForkingPickler
