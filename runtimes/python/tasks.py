"""A task under way: done from its first step to its last, by a thread or on a loop."""

from maitred_failures import explain
from maitred_trace_file import DONE, FAILED, TASK_WORDS, clock


class Task:
    """One task under way."""

    __slots__ = ("number", "program", "record", "lane", "home", "register", "turns", "kept", "input", "positional", "named", "results")

    def __init__(self, work, number, given):
        self.number = number
        self.record = work.tasks_at + number * TASK_WORDS
        group = work.group(number)
        self.program = group["program"]
        self.register, self.turns, self.kept, self.results = 0, None, None, None
        if work.has_input:
            self.input = work.given(number) if work.inputs else given
            self.positional, self.named = work.arguments(group, self.input)

    def fill(self, text):
        """The text with `$input` replaced by the task's input."""
        return text.replace("$input", str(self.input)) if "$input" in text else text

    def keep(self, value):
        """Remembers what a function returned."""
        if self.results is None:
            self.results = [value]
        else:
            self.results.append(value)


def perform(work, steps, lane, number, given=None):
    """Does one task from its first step to its last; returns what there is to settle, usually nothing."""
    if work.halted():
        return None
    task = Task(work, number, given)
    failure = None
    now = lane.begin_task(task)
    try:
        for step in steps[task.program]:
            now = step(lane, task, now)
    except BaseException as problem:  # sys.exit() in a task ends the task, not the run
        now, failure = clock(), explain(problem)
    lane.end_task(task, now, FAILED if failure else DONE)
    return (failure, task.results) if failure or task.results else None


async def perform_awaiting(work, steps, lane, number):
    """`perform` for a task that gives way while it waits."""
    task = Task(work, number, None)
    failure = None
    now = lane.begin_task(task)
    try:
        for step in steps[task.program]:
            now = await step(lane, task, now)
    except GeneratorExit:  # the loop is being closed around us
        raise
    except BaseException as problem:
        now, failure = clock(), explain(problem)
    lane.end_task(task, now, FAILED if failure else DONE)
    return (failure, task.results) if failure or task.results else None
