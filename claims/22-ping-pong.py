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


def threads():
    one, two = os.pipe(), os.pipe()
    partner = threading.Thread(target=play, args=(one[0], two[1], False))
    partner.start()
    play(two[0], one[1], True)
    partner.join()
    for end in one + two:
        os.close(end)


def processes():
    one, two = os.pipe(), os.pipe()
    partner = os.fork()
    if partner == 0:
        try:
            play(one[0], two[1], False)
        finally:
            os._exit(0)
    play(two[0], one[1], True)
    os.waitpid(partner, 0)
    for end in one + two:
        os.close(end)
