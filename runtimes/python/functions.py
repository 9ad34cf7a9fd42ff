"""The user's functions and their inputs: how they are found, and how what they return is run to its end."""

import json
import os
import sys
from contextlib import contextmanager

from maitred_conversation import conversation
from maitred_failures import Refusal, explain


def load_function(name):
    """The user's function: `file.py:function` or `package.module:function`, found as pytest would."""
    import importlib

    where, _, path = name.rpartition(":")
    if sys.argv[:1] in (["-c"], [""], []):
        sys.argv[:] = [where]  # as the user's own program would have it
    try:
        if where.endswith(".py"):
            module = import_file(where)
        else:
            if "" not in sys.path and os.getcwd() not in sys.path:
                sys.path.insert(0, os.getcwd())
            module = importlib.import_module(where)
        found = module
        for part in path.split("."):
            owner, found = found, getattr(found, part)
    except BaseException as problem:
        kind, text, place = explain(problem)
        if "bootstrapping phase" in text:
            text = f"it starts processes when it is imported, which each worker would do again ({place}): put that under `if __name__ == \"__main__\":`"
            raise Refusal("load", f"`{name}` cannot be loaded by a worker process: {text}", where) from None
        raise Refusal("load", f"`{name}` cannot be loaded: {kind}: {text}", where) from None
    if isinstance(owner, type) and not isinstance(owner.__dict__.get(part), (staticmethod, classmethod)):
        try:
            found = getattr(owner(), part)  # a method: of an object made without arguments
        except BaseException as problem:
            text = explain(problem)[1]
            raise Refusal("load", f"`{name}` is a method, and no `{owner.__name__}()` can be made for it: {text}", where) from None
    if not callable(found):
        raise Refusal("load", f"`{name}` is not a function but {type(found).__name__}: name a function", where)
    return found


def import_file(path):
    """The module of a file, by the name that it has within its package, with the folder above on the path."""
    import importlib

    path = os.path.abspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file `{path}`")
    folder, name = os.path.dirname(path), os.path.basename(path)[:-3]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, name = os.path.dirname(folder), f"{os.path.basename(folder)}.{name}"
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = sys.modules.get(name)
    if module is not None and os.path.abspath(getattr(module, "__file__", None) or "") != path:
        raise ImportError(f"a module named `{name}` is already there ({getattr(module, '__file__', 'built in')}): rename the file")
    return importlib.import_module(name)


@contextmanager
def forbidden_processes(forbid):
    """While a worker imports the user's module, no process can be started, as multiprocessing has it for the main module:
    a pool that is made on import would make one in each of its own workers, without end."""
    if not forbid:
        yield
        return
    import multiprocessing

    me = multiprocessing.current_process()
    before = getattr(me, "_inheriting", False)
    me._inheriting = True  # asked by multiprocessing.spawn before it starts anything
    try:
        yield
    finally:
        me._inheriting = before


def read_inputs(path, count):
    """The values of a file of JSON lines."""
    try:
        with open(path, encoding="utf-8") as file:
            values = [json.loads(line) for line in file if line.strip()]
    except (OSError, ValueError) as problem:
        raise Refusal("load", f"the inputs cannot be read: {problem}", path) from None
    if len(values) < count:
        raise Refusal("load", f"the inputs are {len(values)} lines for {count} tasks: give one line a task", path)
    return values


def make_inputs(name):
    """The inputs that a function of the user's makes."""
    made = load_function(name)
    try:
        return list(finish(made(), None))
    except BaseException as problem:
        raise Refusal("load", f"`{name}` made no inputs: {': '.join(explain(problem)[:2])}") from None


def count_inputs(name):
    """For maitred, which plans a task for each: how many there are, as a line of JSON."""
    conversation.open()
    sys.argv[:] = [""]
    try:
        conversation.say({"inputs": len(make_inputs(name))})
    except Refusal as refusal:
        conversation.say(refusal.message)
    sys.stdout.flush()
    os._exit(0)


def is_async(function):
    """Whether calling it gives something to await (inspect.CO_COROUTINE, CO_ASYNC_GENERATOR)."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return bool(code and code.co_flags & (0x80 | 0x200))


PLAIN = frozenset([type(None), bool, int, float, str, bytes, tuple, list, dict, set])  # returned values that are ready as they are


def finish(value, lane):
    """What a function returned, run to its end: a generator is exhausted, a coroutine run on the worker's own loop."""
    if hasattr(value, "__await__") or hasattr(value, "__aiter__"):
        import asyncio

        loop = lane.loop if lane else None
        if loop is None:
            loop = asyncio.new_event_loop()
            if lane:
                lane.loop = loop
        return loop.run_until_complete(finish_awaited(value))
    return list(value) if type(value).__name__ == "generator" else value


async def finish_awaited(value):
    """The same on a loop."""
    if hasattr(value, "__await__"):
        value = await value
    if hasattr(value, "__aiter__"):
        return [item async for item in value]
    return list(value) if type(value).__name__ == "generator" else value
