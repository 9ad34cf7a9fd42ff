"""Two partners hand each other the turn through two pipes: 22-ping-pong.kdl."""
import os
import threading

TURNS = 4000


def play(reads, writes, first):
    for _ in range(TURNS):
        if first:
            os.write(writes, b"x")
        os.read(reads, 1)
        if not first:
            os.write(writes, b"x")


def game(start_partner):
    """Both on one processor: there each turn is a switch, and not a message to another core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    one, two = os.pipe(), os.pipe()
    wait_for_partner = start_partner(one[0], two[1])
    play(two[0], one[1], True)
    wait_for_partner()
    for end in one + two:
        os.close(end)
    os.sched_setaffinity(0, allowed)


def a_thread(reads, writes):
    partner = threading.Thread(target=play, args=(reads, writes, False))
    partner.start()
    return partner.join


def a_process(reads, writes):
    partner = os.fork()
    if partner == 0:
        try:
            play(reads, writes, False)
        finally:
            os._exit(0)
    return lambda: os.waitpid(partner, 0)


def threads():
    game(a_thread)


def processes():
    game(a_process)
