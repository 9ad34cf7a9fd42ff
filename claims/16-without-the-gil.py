"""Work that only computes, as programs in Python do: calls, attributes, lists and dictionaries."""


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def moved(self, by):
        return Point(self.x + by, self.y - by)


def compute():
    seen = {}
    point = Point(0, 0)
    for number in range(60_000):
        point = point.moved(number % 7)
        seen[number % 100] = point.x
    return sum(sorted(seen.values()))
