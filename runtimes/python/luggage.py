"""What workers on other machines need that is not there: our modules, the user's with what they import from beside them, and a plan
that names functions as these modules are called there."""

import json
import os
import sys

from maitred_outpost import elsewhere
from maitred_trace_file import map_file

NOT_THERE = {f"maitred_{name}.py" for name in ("dask", "cluster", "plugins", "paths", "joblib", "ray", "ray_cluster", "library", "hosts", "luggage")}  # no worker needs them


def ours():
    folder = os.path.dirname(os.path.abspath(__file__))
    names = (name for name in os.listdir(folder) if name.startswith("maitred_") and name.endswith(".py"))
    return {name: os.path.join(folder, name) for name in names if name not in NOT_THERE}


def theirs(work):
    """The files of the user's modules, with what they import from beside them, by the names that they have in an archive; and
    the names of the modules."""
    files, names = {}, []
    beside = {os.path.dirname(os.path.abspath(sys.modules[name].__file__)) for name in user_modules(work)}
    for name, module in list(sys.modules.items()):
        file = os.path.abspath(getattr(module, "__file__", None) or "")
        is_users = file.endswith(".py") and name != "__main__" and not name.startswith("maitred_") and "site-packages" not in file
        if is_users and any(file.startswith(place + os.sep) for place in beside):
            files[name.replace(".", "/") + ("/__init__.py" if file.endswith("__init__.py") else ".py")] = file
            names.append(name)
    return files, names


def user_modules(work):
    functions = [*work.functions.values(), *work.of_workers.values()]
    modules = {getattr(function, "__module__", None) for function in functions} & set(sys.modules)
    return {name for name in modules if getattr(sys.modules[name], "__file__", None)}


def plan_elsewhere(work):
    """The plan, in which files are named as the modules that they are elsewhere, and its columns as bytes; each worker calibrates itself."""
    text = json.dumps(work.plan["programs"])
    for name in work.calls:
        if name.rpartition(":")[0].endswith(".py"):
            text = text.replace(json.dumps(name), json.dumps(elsewhere(name)))
    columns = bytes(map_file(work.plan["columns"]["path"])) if work.plan["columns"] else None
    return dict(work.plan, calibration=None, programs=json.loads(text)), columns
