"""A small service: each call asks something far away and then renders what came back."""

import time


def fetch(number):
    time.sleep(0.03)  # the network
    return {"id": number, "name": f"item {number}"}


def render(number):
    rows = [f"<li>{number} {row}</li>" for row in range(200)]
    return len("".join(rows))


def answer(number=0):
    item = fetch(number)
    return item["id"], render(number)
