"""The way of tasks over a cluster of Dask: how they are handed to it, and of each, as `done` tells it, when it was sent, received,
given to a worker, and there."""

import pickle

from maitred_trace_file import clock

SAMPLE = 100  # inputs whose size is looked at
MOST = 20_000  # tasks of which the way is told


class Sent:
    """The tasks of a run, handed to the cluster: `parcels`, the numbers of those that travel together; `futures`, of each parcel; `at`,
    when each was sent that was not due at once."""

    def __init__(self, work, client, shared, do, do_all, **where):
        self.at, self.size, self.begun = {}, 1, clock()
        if work.groups and all(group["arrivals"] == "at-once" for group in work.groups):
            self.parcels = parcels = list(work.parcels())
            self.size = max(map(len, parcels), default=1)
            if self.size == 1:
                what = do, [number for [number] in parcels], [work.given(number) for [number] in parcels]
            else:
                what = do_all, [pickle.dumps([(number, work.given(number)) for number in parcel]) for parcel in parcels]
            shared.futures = self.futures = client.map(*what, pure=False, key=[f"maitred-{parcel[0]}" for parcel in parcels], **where)
        else:
            self.parcels, self.futures = [], shared.futures
            for number in work.arriving():
                self.parcels.append([number])
                self.at[number] = clock()
                self.futures.append(client.submit(do, number, work.given(number), pure=False, key=f"maitred-{number}", **where))
        self.took = clock() - self.begun

    def when(self, number):
        return self.at.get(number, self.begun)

    def each(self, told):
        """Of what is told of a parcel, what is told of each of its tasks."""
        return [told] if self.size == 1 else told


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
