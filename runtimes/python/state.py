"""What a function touches that lives outside of it, and that workers which share no memory would each have for themselves:
locks, queues, connections, and names that it writes. Found in its code, and in the functions of its module that it calls."""

import dis
import sys
import types

GUARDS = {  # by module: the types by which threads and tasks wait for each other
    "threading": ("Condition", "Semaphore", "Event", "Barrier"),
    "asyncio": ("Lock", "Condition", "Semaphore", "Event", "Queue", "Barrier"),
    "queue": ("Queue", "SimpleQueue"),
    "_queue": ("SimpleQueue",),
    "_thread": ("LockType", "RLock", "lock"),
}
CONNECTIONS = {"socket": ("socket",), "sqlite3": ("Connection",), "http.client": ("HTTPConnection",)}


def unshared(functions):
    """`[name, kind]` of each piece of state, sorted; kinds: `guard` and its type, `connection` and its type, `written`."""
    found, seen = {}, set()
    for function in functions:
        look(function, found, seen)
    return sorted([name, kind] for name, kind in found.items())


def look(value, found, seen):
    """Looks into a function, or an object with functions, and all that it leads to within its module."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, types.MethodType):
        owner = value.__self__
        if not isinstance(owner, type):
            for name, attribute in vars(owner).items() if hasattr(owner, "__dict__") else ():
                note(f"{type(owner).__name__}.{name}", attribute, found)
        value = value.__func__
    value = getattr(value, "__wrapped__", value)
    if not isinstance(value, types.FunctionType):
        return
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or ()):
        try:
            reach(name, cell.cell_contents, value, found, seen)
        except ValueError:
            pass  # a cell that is still empty
    read, written = names(value.__code__)
    for name in read:
        if name in value.__globals__:
            reach(name, value.__globals__[name], value, found, seen)
    for name in written:
        found.setdefault(name, "written")


def reach(name, thing, function, found, seen):
    note(name, thing, found)
    if getattr(thing, "__module__", None) == function.__module__:
        look(thing, found, seen)


def note(name, thing, found):
    kind = kind_of(thing)
    if kind:
        found[name] = kind


def names(code):
    """The global names that code reads, and those that it writes, inner functions included."""
    read, written = set(), set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            read.add(step.argval)
        elif step.opname == "STORE_GLOBAL":
            written.add(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            more, others = names(inner)
            read |= more
            written |= others
    return read, written


def kind_of(thing):
    """What a value is, if it is of a kind that cannot be had twice; None: it is not."""
    for label, modules in (("guard", GUARDS), ("connection", CONNECTIONS)):
        for module, types_of in modules.items():
            there = sys.modules.get(module)
            kinds = tuple(filter(None, (getattr(there, name, None) for name in types_of)))
            if kinds and isinstance(thing, tuple(kind for kind in kinds if isinstance(kind, type))):
                return f"{label} {shown_type(thing)}"
    return None


def shown_type(thing):
    """As the user wrote it: what `threading.Lock()` makes is called `_thread.lock`."""
    kind = type(thing)
    if kind.__module__ in ("_thread", "threading"):
        return f"threading.{kind.__name__[0].upper()}{kind.__name__[1:]}"
    return f"{kind.__module__.split('.')[0].lstrip('_')}.{kind.__name__}"
