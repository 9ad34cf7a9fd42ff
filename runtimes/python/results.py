"""What the user's functions returned, looked at when the clock has stopped: whether it is what the first run returned.

The first run that comes to its end leaves its results in a file (`reference`), by pickle; every later one, whatever its
model and interpreter, loads them and compares by value: two results are the same if a program could not tell them apart.
Without such a file all that is said of results is a hash in which equal values are equal.
"""

import hashlib
import io
import json
import os
import pickle
import sys
import time
from collections import Counter, deque
from itertools import islice
from struct import Struct

SHOWN_TASKS = 2000  # of so many the results are shown as text, where models differ
HASHED_TASKS = 50_000  # of so many each has a hash of its own
SHOWN_CHARS = 60
KEPT_BYTES = 256 << 20  # of the first run's results; what is more is compared by a hash
LIMIT_NS = 3_000_000_000  # for looking at the results of one run, at most,
LEAST_NS = 300_000_000  # and at least: else a tenth of the time of the work
HASH = 8
NOT = "not compared"

RECORD = Struct("<II8sQ")  # of the file: task, whether the value follows, its hash, length
PICKLED = 5


def judge(returned, tasks, given, path, work_ns):
    """`result_hash` and `results` of the message `done`, and a note if there is one. `returned`: what each task's calls
    returned, by task; it is emptied on the way, so that no result is there twice. `given`: the input of a task."""
    if not returned:
        return None, None, None
    first = path is None or not os.path.getsize(path)
    until = time.monotonic_ns() + (LIMIT_NS if first else min(LIMIT_NS, max(LEAST_NS, work_ns // 10)))
    shown = showing(returned, given, until)
    hashes, how, note = bytearray(HASH * tasks), Counter(), None
    if path is None:
        for number in sorted(returned):
            hashes[HASH * number : HASH * (number + 1)] = hashed(canonical(returned.pop(number)))
        whole = hashlib.blake2b(hashes, digest_size=16).digest()
    elif not first:
        whole, note = compare(returned, hashes, path, how, shown, until)
    else:
        whole = keep(returned, hashes, path, until)
    results = None
    if tasks <= HASHED_TASKS or how[NOT]:
        texts = [shown.get(number, ["", ""]) for number in range(min(tasks, SHOWN_TASKS))]
        results = {"hashes": hashes.hex() if tasks <= HASHED_TASKS else "", "shown": texts, "how": sorted((+how).items())}
    return whole and whole.hex(), results, note


def hashed(text):
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=HASH).digest()


# The first run: its results are what the others are compared with.


def keep(returned, hashes, path, until):
    """Writes the results into the file and returns the hash of them all."""
    with open(path, "r+b") as file:
        file.write(bytes(16))
        for number in sorted(returned):
            if time.monotonic_ns() > until:
                break  # the rest is compared with nothing
            values = returned.pop(number)
            try:
                data = pickle.dumps(values, PICKLED)
            except Exception:
                hash, data = hashed(canonical(values)), b""
            else:
                hash = hashlib.blake2b(data, digest_size=HASH).digest()
            if file.tell() + len(data) > KEPT_BYTES:
                data = b""
            file.write(RECORD.pack(number, bool(data), hash, len(data)) + data)
            hashes[HASH * number : HASH * (number + 1)] = hash
        whole = hashlib.blake2b(hashes, digest_size=16).digest()
        file.seek(0)
        file.write(whole)
    return whole


# The later ones.


def compare(returned, hashes, path, how, shown, until):
    """Writes the hash of each task's results: that of the first run's where they are the same. Returns the hash of all,
    None where they could not be compared, and a note about what was not. Where one is found that differs, all are compared
    whatever that takes: a part of those that differ would be another part in the next round."""
    same, unknown, note = True, False, None
    with open(path, "rb") as file:
        whole, records = file.read(16), index(file)
        turn = os.getpid() % max(1, len(records))  # not always the same ones where the time does not suffice for all
        ahead, left = deque(records[turn:] + records[:turn]), deque()
        while ahead or (left and not same):
            number, follows, hash, length, at = (ahead or left).popleft()
            if same and time.monotonic_ns() > until:
                left.append((number, follows, hash, length, at))
                continue
            values = returned.pop(number, None)
            if values is None:
                continue
            own = hash
            file.seek(at)
            try:
                expected = pickle.loads(file.read(length)) if follows else None
            except Exception as problem:
                how[NOT] += 1
                unknown = True
                note = f"results could not be compared with those of the first run: {type(problem).__name__}: {problem}"
                continue
            if follows:
                difference = Comparison(how).of(expected, values)
            else:
                how["a hash"] += 1
                difference = None if hash in (hash_of_pickle(values), hashed(canonical(values))) else ("", None, values)
            if difference:
                same, own = False, own_hash(values, hash)
                show_difference(shown, number, difference)
            hashes[HASH * number : HASH * (number + 1)] = own
    for number, _, hash, _, _ in left:
        if returned.pop(number, None) is not None:
            how[NOT] += 1
            hashes[HASH * number : HASH * (number + 1)] = hash
    if unknown:
        return None, note
    return (whole if same else hashlib.blake2b(hashes, digest_size=16).digest()), note


def index(file):
    """Where in the file which task's results lie."""
    records = []
    while len(head := file.read(RECORD.size)) == RECORD.size:
        *fields, length = RECORD.unpack(head)
        records.append((*fields, length, file.tell()))
        file.seek(length, io.SEEK_CUR)
    return records


def hash_of_pickle(values):
    try:
        return hashlib.blake2b(pickle.dumps(values, PICKLED), digest_size=HASH).digest()
    except Exception:
        return None


def own_hash(values, other):
    """The hash of what differs: equal from round to round, if it can be had at a bearable price."""
    hash = hash_of_pickle(values)
    small = hash is None or len(pickle.dumps(values, PICKLED)) < 1 << 16
    hash = hashed(canonical(values)) if small else hash
    return hash if hash != other else bytes(byte ^ 255 for byte in hash)


def show_difference(shown, number, difference):
    """Where the shortened text of a result does not show in what it differs, its place is shown, and what the first run
    had there."""
    place, expected, value = difference
    if number in shown and place:
        shown[number][1] = shortened(f"{place[:30]} = {short(value)}, not {short(expected)}")


class Comparison:
    """Compares two values as a program could: by `==`, and where that says nothing by what they are made of."""

    DEPTH = 60

    def __init__(self, how):
        self.how, self.used = how, set()

    def of(self, expected, values):
        """None: they are the same; else the place of the first difference, and the value on either side."""
        if len(expected) == len(values) == 1:  # what the only call of the task returned
            expected, values = expected[0], values[0]
        difference = self.difference(expected, values, "", self.DEPTH)
        for name in self.used or {"=="}:
            self.how[name] += 1
        return difference

    def difference(self, a, b, place, depth):
        if a is b:
            return None
        if not depth:
            return self.by_pickle(a, b, place)
        root = type(a).__module__.partition(".")[0]
        if root == "numpy" and hasattr(a, "shape") and hasattr(b, "shape"):
            return self.of_arrays(a, b, place, depth)
        if root in ("pandas", "polars", "pyarrow") and hasattr(a, "equals"):
            self.used.add(f"{root}'s equals")
            return None if type(a) is type(b) and a.equals(b) else (place, a, b)
        if isinstance(a, (list, tuple, dict, deque)) and type(a) is type(b):
            return self.of_containers(a, b, place, depth)
        if hasattr(type(a), "__dataclass_fields__") and type(a) is type(b):
            self.used.add("the fields of dataclasses")
            names = type(a).__dataclass_fields__
            return self.first(((f"{place}.{name}", getattr(a, name, None), getattr(b, name, None)) for name in names), depth)
        if type(a).__eq__ is not object.__eq__ or type(b).__eq__ is not object.__eq__:
            return self.by_equality(a, b, place)
        if type(a) is type(b) and getattr(a, "__dict__", None) is not None:
            self.used.add("attributes")
            return self.difference(vars(a), vars(b), place, depth - 1)
        return self.by_pickle(a, b, place)

    def of_arrays(self, a, b, place, depth):
        self.used.add("numpy")
        if a.dtype != b.dtype or a.shape != b.shape:
            return f"{place}.dtype, .shape", (a.dtype, a.shape), (b.dtype, b.shape)
        if a.dtype.hasobject or a.dtype.names:
            return self.difference(a.tolist(), b.tolist(), place, depth - 1)
        differ = (a != b) & ((a == a) | (b == b))  # what is not a number is the same as itself
        if not differ.any():
            return None
        if not a.shape:
            return place, a[()], b[()]
        first = tuple(int(index) for index in sys.modules["numpy"].argwhere(differ)[0])
        return f"{place}[{', '.join(map(str, first))}]", a[first], b[first]

    def of_containers(self, a, b, place, depth):
        try:
            if (a == b) is True:  # the quick way; what differs, or cannot say, is looked into
                return None
        except Exception:
            pass
        if len(a) != len(b):
            return f"len({place})" if place else "length", len(a), len(b)
        if isinstance(a, dict):
            for key in a:
                if key not in b:
                    return f"{place}[{short(key)}]", a[key], None
            return self.first(((f"{place}[{short(key)}]", a[key], b[key]) for key in a), depth)
        return self.first(((f"{place}[{index}]", one, other) for index, (one, other) in enumerate(zip(a, b))), depth)

    def first(self, pairs, depth):
        for place, one, other in pairs:
            difference = self.difference(one, other, place, depth - 1)
            if difference:
                return difference
        return None

    def by_equality(self, a, b, place):
        self.used.add("==")
        try:
            verdict = a == b
            if verdict is NotImplemented:
                return self.by_pickle(a, b, place)
            if not isinstance(verdict, bool):
                verdict = bool(verdict.all() if hasattr(verdict, "all") else verdict)
            same = verdict or bool(a != a and b != b)  # nan
        except Exception:
            return self.by_pickle(a, b, place)
        if not same and isinstance(a, (set, frozenset)) and isinstance(b, (set, frozenset)):
            same = canonical(a) == canonical(b)  # of objects that are equal to none but themselves
        return None if same else (place, a, b)

    def by_pickle(self, a, b, place):
        one, other = hash_of_pickle(a), hash_of_pickle(b)
        if one is None or other is None:
            self.used.add("repr")
            one, other = canonical(a), canonical(b)
        else:
            self.used.add("pickle")
        return None if one == other else (place, a, b)


def canonical(value, depth=20):
    """A text that is equal for equal values, in every process: no addresses, no order where there is none."""
    if isinstance(value, (type(None), bool, int, float, complex, str, bytes, bytearray, range)):
        return f"{type(value).__name__} {value!r}"
    if not depth:
        return type(value).__name__
    if isinstance(value, (list, tuple, deque)):
        inner = [canonical(item, depth - 1) for item in value]
    elif isinstance(value, (set, frozenset)):
        inner = sorted(canonical(item, depth - 1) for item in value)
    elif isinstance(value, dict):
        inner = sorted(f"{canonical(key, depth - 1)}: {canonical(item, depth - 1)}" for key, item in value.items())
    elif hasattr(type(value), "__dataclass_fields__"):
        inner = [f"{name}={canonical(getattr(value, name, None), depth - 1)}" for name in type(value).__dataclass_fields__]
    elif type(value).__repr__ is object.__repr__:
        inner = [canonical(getattr(value, "__dict__", None), depth - 1)]
    elif hasattr(value, "tobytes") and hasattr(value, "shape"):
        inner = [str(getattr(value, "dtype", "")), str(value.shape), hashlib.blake2b(value.tobytes()).hexdigest()]
    else:
        import re

        return re.sub(r" at 0x[0-9a-fA-F]+", "", text_of(repr, value))
    return f"{type(value).__name__}({', '.join(inner)})"


# As text, short.


def showing(returned, given, until):
    """By task: its input and what it returned, both short; of the first tasks, and as far as the time suffices."""
    shown, soon = {}, min(until, time.monotonic_ns() + LIMIT_NS // 6)
    for number in sorted(returned):
        if number >= SHOWN_TASKS or time.monotonic_ns() > soon:
            break
        value = given(number)
        text = shortened(json.dumps(value, default=short)) if value is not None else ""
        shown[number] = [text, shortened(", ".join(map(short, returned[number])))]
    return shown


def short(value):
    """The beginning of its repr, without making all of one that is long."""
    if isinstance(value, (list, tuple)) and len(value) > SHOWN_CHARS:
        value = value[:SHOWN_CHARS]
    elif isinstance(value, (str, bytes, bytearray)):
        value = value[: 2 * SHOWN_CHARS]
    elif type(value) is dict and len(value) > SHOWN_CHARS:
        value = dict(islice(value.items(), SHOWN_CHARS))
    return text_of(repr, value)


def shortened(text):
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"


def text_of(how, value):
    """str or repr of the user's value, whose own method for it may fail."""
    try:
        return how(value)
    except Exception as problem:
        return f"{type(value).__name__} that cannot be shown ({type(problem).__name__})"
