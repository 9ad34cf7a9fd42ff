"""What goes wrong: a plan that cannot be carried out, a step that fails, and whatever the user's own code raises, with the
user's own line.
"""

import os

OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep  # no file of the user's


class Refusal(Exception):
    """Why the plan cannot be carried out: the `error` message. Codes: protocol, unsupported, refused, load."""

    def __init__(self, code, text, place=None):
        super().__init__(code, text, place)  # as they were given: it may travel here from a worker
        self.message = {"error": {"code": code, "text": text, "place": place}}

    def __str__(self):
        return self.message["error"]["text"]


class StepFailed(Exception):
    """A step of the workload failed, not the user's code: `fail`, `http`, `run`."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


def explain(problem):
    """Kind, text and the user's own line of what went wrong."""
    if isinstance(problem, StepFailed):
        return problem.kind, str(problem), None
    kind, text = type(problem).__qualname__, shown(str, problem) or "no message"
    if isinstance(problem, MemoryError):
        kind = "memory"
    elif isinstance(problem, SystemExit):
        kind, text = "exit", f"called sys.exit({problem.code!r})"
    elif isinstance(problem, EOFError) or type(problem).__name__ == "error" and type(problem).__module__ == "termios" or (
        isinstance(problem, OSError) and problem.errno == 25  # ENOTTY
    ):
        text += "; a task has no terminal, and its standard input is empty"
    place = own_line(problem)
    return kind, f"{text} ({place})" if place else text, place


def shown(how, value):
    """str or repr of the user's value, whose own method for it may fail."""
    from maitred_results import text_of

    return text_of(how, value)


def own_line(problem):
    """The last line of the user's own code that the exception went through."""
    if isinstance(problem, SyntaxError):
        return f"{problem.filename}:{problem.lineno}"
    library = os.path.dirname(os.__file__)
    last, step = None, problem.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if not file.startswith((library, OURS, "<frozen")) and "site-packages" not in file:
            last = step
        step = step.tb_next
    if last is None:
        return None
    # Once, and not for each of the thousand frames of an endless recursion: that took longer than the work.
    code = last.tb_frame.f_code
    file = code.co_filename
    if file.startswith(os.getcwd() + os.sep):
        file = os.path.relpath(file)
    return f"{file}:{last.tb_lineno} in {code.co_name}"
