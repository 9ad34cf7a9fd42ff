"""What the runners cost, beside the same written by hand in each language: python3 bench/runtimes/peers.py [RUNTIME …]

Peer and ours take turns, so many times; a ratio is the median of those of neighbours. Time is that of the work, by each
program's own clock, and memory the most that its process had (wait4, and what `maitred` says of the run). Needs
target/release/maitred and the languages; what is not here is passed over, and said. Exits with 1 where a bar is missed.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

MAITRED = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../target/release/maitred"))
TURNS = 5
# By name: tasks, waits of each, milliseconds of a wait, and the bars on time and memory.
CASES = {
    "10,000 × 1 ms": (10_000, 1, 1, 1.10, None),
    "100,000 × 3 × 1 ms": (100_000, 3, 1, 1.10, None),
    "10,000 sleepers of 10 s": (10_000, 1, 10_000, None, 1.15),
    "100,000 sleepers of 10 s": (100_000, 1, 10_000, None, 1.15),
    "1,000,000 sleepers of 10 s": (1_000_000, 1, 10_000, None, 1.15),
}

NODE = """
const [tasks, waits, ms] = process.argv.slice(2).map(Number);
const pause = () => new Promise((done) => setTimeout(done, ms));
async function task() { for (let turn = 0; turn < waits; turn++) await pause(); }
(async () => {
    const begun = process.hrtime.bigint();
    await Promise.all(Array.from({ length: tasks }, task));
    console.log(Number(process.hrtime.bigint() - begun) / 1e9);
})();
"""
GO = """
package main

import ("fmt"; "os"; "runtime"; "strconv"; "sync"; "time")

func main() {
    number := func(at int) int { value, _ := strconv.Atoi(os.Args[at]); return value }
    tasks, waits, pause := number(1), number(2), time.Duration(number(3)) * time.Millisecond
    runtime.GOMAXPROCS(2)
    begun := time.Now()
    var alive sync.WaitGroup
    for range tasks {
        alive.Add(1)
        go func() { for range waits { time.Sleep(pause) }; alive.Done() }()
    }
    alive.Wait()
    fmt.Println(time.Since(begun).Seconds())
}
"""
JAVA = """
import java.util.concurrent.*;

public class Peer {
    public static void main(String[] args) throws Exception {
        int tasks = Integer.parseInt(args[0]), waits = Integer.parseInt(args[1]), ms = Integer.parseInt(args[2]);
        long begun = System.nanoTime();
        try (var all = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < tasks; i++)
                all.submit(() -> { for (int turn = 0; turn < waits; turn++) Thread.sleep(ms); return null; });
        }
        System.out.println((System.nanoTime() - begun) / 1e9);
    }
}
"""
ERLANG = """
-module(by_hand).
-export([main/1]).
main(Arguments) ->
    [Tasks, Waits, Ms] = [list_to_integer(atom_to_list(One)) || One <- Arguments],
    Begun = erlang:monotonic_time(),
    [spawn_monitor(fun() -> task(Waits, Ms) end) || _ <- lists:seq(1, Tasks)],
    [receive {'DOWN', _, process, _, _} -> ok end || _ <- lists:seq(1, Tasks)],
    io:format("~w~n", [erlang:convert_time_unit(erlang:monotonic_time() - Begun, native, microsecond) / 1.0e6]),
    halt().
task(0, _) -> ok;
task(Waits, Ms) -> receive after Ms -> task(Waits - 1, Ms) end.
"""


def java_home():
    homes = sorted(os.path.join("/usr/lib/jvm", name) for name in os.listdir("/usr/lib/jvm")) if os.path.isdir("/usr/lib/jvm") else []
    usable = [home for home in homes if re.search(r"(2[2-9]|3\d)", os.path.basename(home))]
    return os.path.join(usable[-1], "bin", "") if usable else ""


# By runtime: the model, the file, its text, how it is compiled, how it is started.
PEERS = {
    "node": ("event-loop", "peer.cjs", NODE, None, ["node", "peer.cjs"]),
    "go": ("async-pool:2", "peer.go", GO, ["go", "build", "-o", "peer", "peer.go"], ["./peer"]),
    "java": ("async-pool:2", "Peer.java", JAVA, [java_home() + "javac", "Peer.java"], [java_home() + "java", "-Djdk.virtualThreadScheduler.parallelism=2", "Peer"]),
    "erlang": ("async-pool:2", "by_hand.erl", ERLANG, ["erlc", "by_hand.erl"], ["erl", "+S", "2:2", "-noshell", "-pa", ".", "-s", "by_hand", "main"]),
}


def by_hand(folder, words, case):
    """Seconds and MiB."""
    if words[0] == "erl" and case[0] > 200_000:  # more than fit by default
        words = ["erl", "+P", str(case[0] + 10_000), *words[1:]]
    with subprocess.Popen([*words, *map(str, case[:3])], cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        took = float(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
    return took, usage.ru_maxrss / 1024


def ours(folder, model, case):
    tasks, waits, ms = case[:3]
    with open(os.path.join(folder, "work.kdl"), "w") as file:
        file.write(f'task "t" count={tasks} {{ repeat {waits} {{ wait "{ms}ms" }} }}\n')
    said = subprocess.run([MAITRED, "run", "work.kdl", "--model", model, "--no-scheduling"], cwd=folder, capture_output=True, text=True)
    text = " ".join(said.stdout.split())
    took = re.search(r"did [\d,]+ tasks in ([\d.,]+) (ms|s|min)\b", text)
    memory = re.search(r"memory ([\d.,]+) (KiB|MiB|GiB) at most", text)
    if not took or not memory:
        raise SystemExit(f"{model}: {said.stdout}{said.stderr}")
    number = lambda found: float(found[1].replace(",", ""))
    return number(took) * {"ms": 1e-3, "s": 1, "min": 60}[took[2]], number(memory) * {"KiB": 1 / 1024, "MiB": 1, "GiB": 1024}[memory[2]]


def compare(runtime, missed):
    strategy, file, text, compile, start = PEERS[runtime]
    for words in filter(None, (compile, start)):
        if not words[0].startswith("./") and not shutil.which(words[0]):
            return print(f"{runtime}: not here")
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, file), "w") as source:
            source.write(text)
        if compile:
            subprocess.run(compile, cwd=folder, check=True, env=dict(os.environ, GO111MODULE="off"))
        for name, case in CASES.items():
            pairs = [(by_hand(folder, start, case), ours(folder, f"{runtime}/{strategy}", case)) for _ in range(TURNS)]
            ratios = [statistics.median(own[at] / peer[at] for peer, own in pairs) for at in (0, 1)]
            peer, own = ([statistics.median(pair[who][at] for pair in pairs) for at in (0, 1)] for who in (0, 1))
            over = [bar is not None and ratio > bar for ratio, bar in zip(ratios, case[3:])]
            missed += [name] * any(over)
            bars = ", ".join(f"{what} ≤ {bar}" for what, bar in zip(("time", "memory"), case[3:]) if bar)
            print(f"{runtime:7} {name:26} {peer[0]:7.3f} s {own[0]:7.3f} s {ratios[0]:5.2f} {peer[1]:8.1f} MiB {own[1]:8.1f} MiB {ratios[1]:5.2f}  {bars}{'  MISSED' * any(over)}", flush=True)


def main():
    missed = []
    print(f"{'':7} {'':26} {'by hand':>9} {'ours':>9} {'ratio':>5} {'by hand':>12} {'ours':>12} {'ratio':>5}")
    for runtime in sys.argv[1:] or PEERS:
        compare(runtime, missed)
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
