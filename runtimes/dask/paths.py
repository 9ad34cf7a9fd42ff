"""The way of each task over a cluster of Dask, as `done` tells it: when it was sent, received, given to a worker, and there."""

import pickle

SAMPLE = 100  # inputs whose size is looked at
MOST = 20_000  # tasks of which the way is told


def ways(work, followed, sent, arrived, offset=0, size=1):
    """`sent` and `arrived`: of each task, by our clock; `followed`: what the scheduler took down, whose clock is ahead by
    `offset`; where `size` tasks travel together, the first of them is followed."""
    moments = []
    for number, there in sorted(arrived.items())[:MOST]:
        received, given = followed["moments"].get(number, (0, 0))
        if received and given:
            moments.append([number, [sent(number), received - offset, given - offset, there]])
    return {
        "moments": moments,
        "sent_bytes": mean_size([work.given(number) for number, _ in moments[:SAMPLE]]),
        "returned_bytes": followed["returned"] // max(1, followed["count"] * size),
    }


def mean_size(values):
    """Bytes of a value as it is pickled."""
    return sum(len(pickle.dumps(value, protocol=5)) for value in values) // max(1, len(values))
