// The Java runner of maitred: carries out one plan under one strategy and records what each thread and task did.
//
// It speaks JSON lines (runtimes/PROTOCOL.md) and needs nothing but a JDK of 22 or later. Replies go to its descriptor 3: who
// starts it moves the real standard output there. A lane is a platform thread; under async-pool, tasks are virtual threads,
// and a lane is one of the threads that carry them. What most plans do not need is left alone until one does, and most of
// this is written without lambdas: each of either takes megabytes, which would be taken for memory of the tasks.
//
//   1. the strategies     3. the trace               5. the kernel
//   2. the steps          4. HTTP, failures          6. the conversation with maitred, JSON

import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.File;
import java.lang.foreign.*;
import java.lang.invoke.MethodHandle;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;
import java.util.stream.Stream;

final class Runner {
    static final int PROTOCOL = 2;

    /** CLOCK_MONOTONIC in nanoseconds, which is what nanoTime reads on Linux. */
    static long clock() {
        return System.nanoTime();
    }

    // -----------------------------------------------------------------------------------------------------------------
    // 1. Strategies. Each makes its workers (set-up), lets them work, and joins them (tear-down).

    interface Crew {
        void work() throws Exception;

        void close() throws Exception;
    }

    static Crew crew(Work work) throws Exception {
        return switch (work.strategy) {
            case "sequential", "thread-pool" -> pool(work);
            case "threads" -> threads(work);
            default -> new VirtualThreads(work);
        };
    }

    /** A fixed number of threads takes tasks from one queue. */
    static Crew pool(Work work) throws Exception {
        var ready = new CountDownLatch(work.lanes);
        var begin = new CountDownLatch(1);
        var worked = new CountDownLatch(work.lanes);
        var end = new CountDownLatch(1);
        var threads = new ArrayList<Thread>();
        for (int index = 0; index < work.lanes; index++) {
            int number = index;
            threads.add(Thread.ofPlatform().daemon().start(() -> {
                var lane = new Lane(work.trace, number, Lane.WORKER, true);
                ready.countDown();
                await(begin);
                for (int task; (task = work.take()) >= 0;) work.perform(task, lane);
                worked.countDown();
                await(end);
                lane.close();
            }));
        }
        await(ready);
        return new Crew() {
            public void work() {
                begin.countDown();
                await(worked);
            }

            public void close() throws Exception {
                end.countDown();
                for (var thread : threads) thread.join();
            }
        };
    }

    /** Every task has a platform thread of its own. */
    static Crew threads(Work work) {
        boolean few = work.count <= 1000; // for each new thread the kernel makes files in /proc, which takes as long as the thread itself
        if (!few) C.usage(1); // linked when it is first called: not in the work
        var alive = new ArrayList<Thread>();
        return new Crew() {
            public void work() throws Exception {
                for (int task; (task = work.take()) >= 0;) {
                    int number = task;
                    try {
                        alive.add(Thread.ofPlatform().daemon().start(() -> {
                            var lane = new Lane(work.trace, number, Lane.WORKER, few);
                            work.perform(number, lane);
                            lane.close();
                        }));
                    } catch (OutOfMemoryError refused) {
                        throw new Refusal("refused", "the machine refused thread " + (alive.size() + 1) + " of " + work.count
                            + " (" + refused.getMessage() + "): use fewer tasks, a pool, or raise the limit (`ulimit -u`)");
                    }
                }
                for (var thread : alive) thread.join();
            }

            public void close() {}
        };
    }

    /** Every task has a virtual thread; so many platform threads carry them all. */
    static final class VirtualThreads implements Crew {
        final Work work;
        final Semaphore places;
        final AtomicInteger alive = new AtomicInteger(1);
        final CountDownLatch over = new CountDownLatch(1);

        VirtualThreads(Work work) {
            this.work = work;
            int width = Integer.parseInt(work.options.getOrDefault("concurrency", "0"));
            places = width > 0 ? new Semaphore(width) : null;
        }

        /** A task under way: no lambda, which would be one more frame on each of the stacks that are kept while tasks wait. */
        final class Flight implements Runnable {
            final int number;

            Flight(int number) {
                this.number = number;
            }

            public void run() {
                work.perform(number, null);
                if (places != null) places.release();
                if (alive.decrementAndGet() == 0) over.countDown();
            }
        }

        public void work() throws Exception {
            while (true) {
                if (places != null) places.acquire();
                int number = work.take();
                if (number < 0) break;
                alive.incrementAndGet();
                Thread.startVirtualThread(new Flight(number));
            }
            if (alive.decrementAndGet() > 0) await(over);
        }

        public void close() {
            work.trace.carriers.values().forEach(Lane::close);
        }
    }

    static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException never) {
            throw new IllegalStateException(never); // nobody interrupts
        }
    }

    // -----------------------------------------------------------------------------------------------------------------
    // 2. The work and its steps. `task.now` is when a step ended, which is when the next one begins: n steps take n + 1
    //    readings of the clock.

    static final class StepFailed extends RuntimeException {
        final String kind;

        StepFailed(String kind, String text) {
            super(text, null, false, false);
            this.kind = kind;
        }
    }

    interface Act {
        void run(Task task) throws Exception;
    }

    static final class Task {
        final int number;
        Lane lane;
        long now;
        private Baggage baggage; // there may be a million of us, of which few have any

        Task(Lane lane, int number) {
            this.lane = lane;
            this.number = number;
        }

        long record() {
            return lane.trace.tasksAt + (long) number * Trace.TASK;
        }

        Baggage baggage() {
            return baggage == null ? baggage = new Baggage() : baggage;
        }

        /** A step is over, in which it may have waited. The lane first: a thread that enrols may be parked, and the time is old then. */
        void resume() {
            if (lane.carries) lane = lane.trace.carrier();
            now = clock();
        }
    }

    /** What some steps leave to later ones of the same task. */
    static final class Baggage {
        long register;
        final Map<Integer, Integer> turns = new HashMap<>();
        final List<byte[]> kept = new ArrayList<>();
    }

    record Due(long ns, int number) {}

    static final class Work {
        final Map<String, Object> plan;
        final String strategy;
        final Map<String, String> options = new HashMap<>();
        final int workers, count, lanes;
        final double rate;
        final List<Act[]> programs = new ArrayList<>();
        final int[] firsts, kinds;
        final Due[] order; // null: all at once
        final Trace trace;
        final Semaphore[] semaphores;
        final AtomicLongArray vars;
        final long timeoutNs;
        long columns; // where they are in memory
        List<Map<String, Object>> columnSpecs;
        HttpClient client;
        volatile long begun;
        final Object halt = new Object();
        static final int WRITTEN_OUT = 64;
        volatile boolean halted;
        final AtomicInteger next = new AtomicInteger();
        final AtomicLong flying = new AtomicLong(), moves = new AtomicLong();
        final Map<String, Map<String, Object>> failures = new TreeMap<>();

        Work(Map<String, Object> plan, double rate, Trace trace) throws Exception {
            this.plan = plan;
            this.rate = rate;
            strategy = (String) plan.get("strategy");
            workers = number(plan, "workers");
            for (var option : Json.map(plan.get("options")).entrySet()) options.put(option.getKey(), (String) option.getValue());
            timeoutNs = Long.parseLong(options.getOrDefault("http-timeout-ns", "30000000000"));
            if (plan.get("columns") instanceof Map<?, ?> columns) {
                var channel = FileChannel.open(Path.of((String) columns.get("path")));
                this.columns = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.global()).address();
                columnSpecs = Json.maps(columns.get("columns"));
            }
            var groups = Json.maps(plan.get("groups"));
            firsts = numbers(groups, "first");
            kinds = numbers(groups, "program");
            int tasks = 0;
            for (int some : numbers(groups, "count")) tasks += some;
            count = tasks;
            lanes = strategy.equals("sequential") ? 1 : strategy.equals("threads") ? count : workers;
            order = arrivals(groups);
            this.trace = trace;
            if (trace.lanes < lanes || trace.tasks < count) {
                throw new Refusal("protocol", "the trace file has room for %d lanes and %d tasks: %d and %d are needed".formatted(trace.lanes, trace.tasks, lanes, count));
            }
            var units = new ArrayList<Semaphore>();
            for (var one : Json.maps(plan.get("resources"))) units.add(new Semaphore(number(one, "capacity"), true));
            for (var one : Json.maps(plan.get("channels"))) {
                units.add(new Semaphore(number(one, "capacity"), true)); // free slots
                units.add(new Semaphore(0, true)); // items
            }
            semaphores = units.toArray(Semaphore[]::new);
            var variables = Json.maps(plan.get("vars"));
            vars = new AtomicLongArray(variables.size());
            for (int at = 0; at < vars.length(); at++) vars.set(at, ((Number) variables.get(at).get("initial")).longValue());
            for (var program : Json.maps(plan.get("programs"))) programs.add(acts(program.get("steps")));
        }

        static int number(Map<String, Object> map, String name) {
            return ((Number) map.get(name)).intValue();
        }

        static int[] numbers(List<Map<String, Object>> maps, String name) {
            var numbers = new int[maps.size()];
            for (int at = 0; at < numbers.length; at++) numbers[at] = number(maps.get(at), name);
            return numbers;
        }

        /** Tasks in the order of arrival, then of number. */
        Due[] arrivals(List<Map<String, Object>> groups) {
            boolean atOnce = true;
            for (var group : groups) atOnce &= "at-once".equals(group.get("arrivals"));
            if (atOnce) return null;
            var all = new ArrayList<Due>();
            for (var group : groups) {
                int first = number(group, "first");
                for (int i = 0; i < number(group, "count"); i++) {
                    long ns = 0;
                    if (group.get("arrivals") instanceof Map<?, ?> at) {
                        ns = at.get("every-ns") instanceof Number every ? i * every.longValue() : drawn(((Number) at.get("column")).intValue(), first + i, 0);
                    }
                    all.add(new Due(ns, first + i));
                }
            }
            all.sort(Comparator.comparingLong(Due::ns).thenComparingInt(Due::number));
            return all.toArray(Due[]::new);
        }

        long drawn(int column, int task, int turn) {
            var spec = columnSpecs.get(column);
            long at = number(spec, "offset") + (long) (task - number(spec, "first_task")) * number(spec, "per_task") + turn;
            return Trace.MEMORY.getLong(columns + at * 8);
        }

        /** The next task when it has come; -1: there is none. */
        int take() {
            int index = next.getAndIncrement();
            if (halted || index >= count) return -1;
            if (order == null) return index;
            var due = order[index];
            for (long left; (left = begun + due.ns - clock()) > 0;) {
                synchronized (halt) {
                    if (halted) return -1;
                    try {
                        halt.wait(left / 1_000_000, (int) (left % 1_000_000));
                    } catch (InterruptedException never) {
                        throw new IllegalStateException(never);
                    }
                }
            }
            return halted ? -1 : due.number;
        }

        /** Does one task from its first step to its last. */
        void perform(int number, Lane own) {
            if (halted) return;
            var task = new Task(own != null ? own : trace.carrier(), number);
            int group = firsts.length - 1;
            while (firsts[group] > number) group--;
            flying.incrementAndGet();
            task.now = clock();
            task.lane.begin(task);
            boolean ok = true;
            try {
                for (var act : programs.get(kinds[group])) act.run(task);
            } catch (Throwable problem) {
                ok = false;
                task.resume();
                fail(problem, task);
                if (task.lane.carries) task.lane = trace.carrier(); // it may have waited to tell
            }
            task.lane.end(task, ok ? Trace.DONE : Trace.FAILED);
            flying.decrementAndGet();
        }

        synchronized void fail(Throwable problem, Task task) {
            var kind = problem instanceof StepFailed failed ? failed.kind : problem instanceof OutOfMemoryError ? "memory" : problem.getClass().getSimpleName();
            int step = trace.step(task.number);
            failures.merge(kind, Json.object("kind", kind, "text", String.valueOf(problem.getMessage()), "count", 1, "task", task.number,
                "step", step < 0 ? null : step), (known, more) -> {
                    known.merge("count", 1, (a, b) -> (Integer) a + 1);
                    return known;
                });
        }

        // How a step becomes a function.

        /** A repetition of few steps is written out: a task that waits within keeps its stack, of which each frame less counts. */
        Act[] acts(Object steps) throws Exception {
            var acts = new ArrayList<Act>();
            for (var step : Json.maps(steps)) {
                if (step.get("action") instanceof Map<?, ?> action && action.get("repeat") instanceof Map<?, ?> repeat) {
                    long count = ((Number) repeat.get("count")).longValue();
                    var inner = acts(repeat.get("steps"));
                    if (count * inner.length > WRITTEN_OUT) acts.add(repeat(count, inner));
                    else for (long i = 0; i < count; i++) acts.addAll(Arrays.asList(inner));
                } else acts.add(step(number(step, "id"), step.get("action")));
            }
            return acts.toArray(new Act[0]);
        }

        static Act repeat(long count, Act[] acts) {
            return task -> {
                for (long i = 0; i < count; i++) {
                    for (var act : acts) act.run(task);
                }
            };
        }

        Act leaf(int id, Act act) {
            return task -> {
                long at = task.lane.open(task, id);
                try {
                    act.run(task);
                } finally {
                    shut(task, at);
                }
            };
        }

        /** `leaf` for the step in which most tasks are. */
        static final class Pause implements Act {
            final int id, nanos;
            final long millis;

            Pause(int id, long ns) {
                this.id = id;
                millis = ns / 1_000_000;
                nanos = (int) (ns % 1_000_000);
            }

            public void run(Task task) throws Exception {
                long at = task.lane.open(task, id);
                try {
                    Thread.sleep(millis, nanos);
                } finally {
                    shut(task, at);
                }
            }
        }

        static void sleep(long ns) throws InterruptedException {
            Thread.sleep(ns / 1_000_000, (int) (ns % 1_000_000));
        }

        static void shut(Task task, long at) {
            task.resume();
            if (at != 0) task.lane.trace.put(at + 16, task.now);
        }

        Act step(int id, Object action) throws Exception {
            var name = action instanceof String word ? word : Json.map(action).keySet().iterator().next();
            Map<String, Object> value = action instanceof String ? Map.of() : Json.map(Json.map(action).get(name));
            return switch (name) {
                case "cpu" -> leaf(id, measured(id, value, ns -> sink = compute((long) (ns * rate / 1e9))));
                case "wait" -> value.get("ns") instanceof Number ns ? new Pause(id, ns.longValue()) : leaf(id, measured(id, value, Work::sleep));
                case "block" -> {
                    C.nanosleep(1); // linked when it is first called: in the work, a task would give way there to others
                    yield leaf(id, measured(id, value, C::nanosleep));
                }
                case "yield" -> leaf(id, task -> Thread.yield());
                case "hold" -> hold(id, semaphores[number(value, "resource")], acts(value.get("steps")));
                case "send" -> pass(id, channel(value, 0), channel(value, 1));
                case "receive" -> pass(id, channel(value, 1), channel(value, 0));
                case "read" -> {
                    int index = number(value, "var");
                    yield leaf(id, task -> task.baggage().register = vars.get(index));
                }
                case "write" -> {
                    int index = number(value, "var"), add = number(value, "add");
                    yield leaf(id, task -> vars.set(index, task.baggage().register + add));
                }
                case "update" -> {
                    int index = number(value, "var"), add = number(value, "add");
                    yield leaf(id, task -> task.baggage().register = vars.addAndGet(index, add));
                }
                case "allocate" -> {
                    int size = number(value, "bytes");
                    yield leaf(id, task -> task.baggage().kept.add(new byte[size])); // touched: Java zeroes it
                }
                case "http" -> leaf(id, http(value));
                case "run" -> leaf(id, command(value));
                case "fail" -> leaf(id, task -> {
                    throw new StepFailed("fail", (String) value.get("why"));
                });
                case "crash" -> leaf(id, task -> {
                    C.kill(Kernel.PID, 9);
                    C.nanosleep(10_000_000_000L);
                });
                default -> throw new Refusal("unsupported", "Java cannot do the step `" + name + "`"
                    + (name.equals("call") ? ", a function of Python: use python3" : ""), "step " + id);
            };
        }

        Semaphore channel(Map<String, Object> value, int part) {
            return semaphores[Json.maps(plan.get("resources")).size() + 2 * number(value, "channel") + part];
        }

        void acquire(Semaphore semaphore) throws Exception {
            moves.incrementAndGet();
            semaphore.acquire();
            moves.incrementAndGet();
        }

        Act hold(int id, Semaphore semaphore, Act[] inner) {
            return task -> {
                long at = task.lane.open(task, id);
                acquire(semaphore);
                shut(task, at);
                at = task.lane.open(task, id + 1);
                try {
                    for (var act : inner) act.run(task);
                } finally {
                    shut(task, at); // before it is given back: the next one cannot have it any earlier
                    semaphore.release();
                }
            };
        }

        Act pass(int id, Semaphore from, Semaphore to) {
            return leaf(id, task -> {
                acquire(from);
                to.release();
            });
        }

        interface Timed {
            void run(long ns) throws Exception;
        }

        /** With the duration of the step: the same for all tasks, or the next one of the task's column. */
        Act measured(int id, Map<String, Object> amount, Timed act) {
            if (amount.get("ns") instanceof Number ns) {
                long fixed = ns.longValue();
                return task -> act.run(fixed);
            }
            int column = number(amount, "column");
            return task -> act.run(drawn(column, task.number, task.baggage().turns.merge(id, 1, Integer::sum) - 1));
        }

        // --- HTTP by Java's own client, commands

        Act http(Map<String, Object> value) {
            if (client == null) {
                client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofNanos(timeoutNs))
                    .followRedirects(HttpClient.Redirect.NEVER).build();
            }
            var method = (String) value.get("method");
            var place = method + " " + value.get("url") + ": ";
            HttpRequest request;
            try {
                var body = value.get("body") instanceof String text ? HttpRequest.BodyPublishers.ofString(text) : HttpRequest.BodyPublishers.noBody();
                var builder = HttpRequest.newBuilder(URI.create((String) value.get("url"))).method(method, body).timeout(Duration.ofNanos(timeoutNs));
                if (value.get("headers") instanceof List<?> headers) {
                    for (var header : headers) builder.header((String) ((List<?>) header).get(0), (String) ((List<?>) header).get(1));
                }
                request = builder.build();
            } catch (IllegalArgumentException wrong) {
                return task -> {
                    throw new StepFailed("bad-answer", place + wrong.getMessage());
                };
            }
            return task -> {
                int status;
                try {
                    status = client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
                } catch (IOException problem) {
                    var kind = kindOf(problem);
                    throw new StepFailed(kind, place + (kind.equals("timeout") ? "no answer in time" : kind.equals("refused") ? "connection refused" : problem.getMessage()));
                }
                if (status >= 400) throw new StepFailed("status-" + status, place + "status " + status);
            };
        }
    }

    /** Why there was no answer, as the one word that all runners have for it. */
    static String kindOf(Throwable problem) {
        if (problem instanceof HttpTimeoutException) return "timeout";
        if (problem instanceof ConnectException) {
            for (Throwable cause = problem; cause != null; cause = cause.getCause()) {
                if (cause instanceof UnresolvedAddressException) return "dns";
                if (String.valueOf(cause.getMessage()).contains("refused") || cause instanceof java.nio.channels.ClosedChannelException) return "refused";
            }
            return "connect";
        }
        var text = String.valueOf(problem.getMessage());
        return Stream.of("reset", "EOF", "no bytes", "closed", "Broken pipe").anyMatch(text::contains) ? "lost" : "bad-answer";
    }

    static Act command(Map<String, Object> value) {
        var words = new ArrayList<String>();
        words.add((String) value.get("program"));
        ((List<?>) value.get("args")).forEach(word -> words.add((String) word));
        var builder = new ProcessBuilder(words).redirectInput(new File("/dev/null")).redirectError(ProcessBuilder.Redirect.INHERIT)
            .redirectOutput(ProcessBuilder.Redirect.INHERIT); // descriptor 1 leads to the log
        return task -> {
            int code;
            try {
                code = builder.start().waitFor();
            } catch (IOException problem) {
                throw new StepFailed("exit", "`" + words.get(0) + "` cannot be started: " + problem.getMessage());
            }
            if (code != 0) throw new StepFailed("exit", "`" + words.get(0) + "` ended with " + (code > 128 ? "signal " + (code - 128) : "exit code " + code));
        };
    }

    static volatile int sink;
    static final int REHEARSED = 2000; // as often as the first compiler wants to see a method with a loop

    /** The work of a cpu step, each turn of which needs the one before (a linear congruential generator). */
    static int compute(long units) {
        int x = 1;
        for (long i = 0; i < units; i++) x = (x * 1103515245 + 12345) & 0x7fffffff;
        return x;
    }

    /** Units in a second once the compiler has done what it can, and after how long that was. */
    static double calibrate(long[] warm) {
        long begun = clock(), units = 1000;
        double best = 0;
        for (int since = 0; since < 8 || clock() - begun < 60_000_000;) {
            long at = clock();
            sink = compute(units);
            long now = clock();
            double rate = units * 1e9 / Math.max(1, now - at);
            if (rate > best * 1.02) {
                warm[0] = now - begun;
                since = 0;
            } else since++;
            best = Math.max(best, rate);
            if (now - at < 2_000_000) units *= 2;
        }
        return best;
    }

    /** Has the machine compile what records, which otherwise would be interpreted while the first tasks are under way. */
    static void rehearse() {
        var trace = new Trace(1, 1, REHEARSED);
        var lane = new Lane(trace, 0, Lane.WORKER, true);
        for (int turn = 0; turn < REHEARSED; turn++) {
            var task = new Task(lane, 0);
            task.now = clock();
            task.lane.begin(task);
            Work.shut(task, lane.open(task, 1));
            task.lane.end(task, Trace.DONE);
        }
        Trace.MEMORY.freeMemory(trace.file);
    }

    /** The same of tasks in virtual threads, and of what Java itself does when they wait: a frame that is interpreted takes twice
        as much on a stack that is kept. Gives the lanes of the threads that carry them, which are there from now on. */
    static Map<Thread, Lane> rehearse(int workers, int count) throws Exception {
        int tasks = Math.min(count, 6000), waits = 4; // as many as the second compiler wants to see, but no more than will come
        var trace = new Trace(workers, tasks, tasks * waits);
        var wait = Json.object("id", 0, "action", Json.object("wait", Json.object("ns", 1)));
        var steps = List.of(Json.object("id", 1, "action", Json.object("repeat", Json.object("count", waits, "steps", List.of(wait)))));
        var group = Json.object("program", 0, "first", 0, "count", tasks, "arrivals", "at-once");
        var none = List.of();
        var plan = Json.object("strategy", "async-pool", "workers", workers, "options", Map.of(), "programs", List.of(Json.object("steps", steps)),
            "groups", List.of(group), "resources", none, "channels", none, "vars", none);
        new VirtualThreads(new Work(plan, 0, trace)).work();
        Trace.MEMORY.freeMemory(trace.file);
        return trace.carriers;
    }

    /** Has the compiler see the loop before the work does, until it is as quick as it is known to become. */
    static void warmUp(double rate) {
        for (long begun = clock(), now = begun; now - begun < 300_000_000;) {
            long at = now;
            sink = compute(100_000);
            now = clock();
            if (100_000 * 1e9 / (now - at) > 0.9 * rate && now - begun > 5_000_000) return;
        }
    }

    // -----------------------------------------------------------------------------------------------------------------
    // 3. The trace: a mapped file that survives the death of whoever writes it (crates/wire/src/trace_file.rs).

    static final class Trace {
        /** By address: a segment's checks are a dozen calls deep until they are compiled, which the first tasks would pay for. */
        static final jdk.internal.misc.Unsafe MEMORY = jdk.internal.misc.Unsafe.getUnsafe();
        static final long LANE = 64, TASK = 32, SPAN = 24;
        static final int DONE = 1, FAILED = 2;
        static final long MAGIC = ByteBuffer.wrap("MAITREDT".getBytes(StandardCharsets.ISO_8859_1)).order(ByteOrder.nativeOrder()).getLong();

        final long file;
        final int lanes, tasks, room;
        final long lanesAt, tasksAt, spansAt;
        final Map<Thread, Lane> carriers = new ConcurrentHashMap<>();

        Trace(String path) throws Exception {
            try (var channel = FileChannel.open(Path.of(path), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                var mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, channel.size(), Arena.global());
                mapped.load(); // each page would else come when a task is the first to write to it, which that one waits for
                file = mapped.address();
            }
            if (u64(0) != MAGIC || u32(8) != PROTOCOL) {
                throw new Refusal("protocol", "`" + path + "` is not a trace file of version " + PROTOCOL + ": use the runner of this maitred");
            }
            lanes = u32(12);
            tasks = u32(16);
            room = u32(20);
            lanesAt = u64(24);
            tasksAt = u64(32);
            spansAt = u64(40);
        }

        /** One that is nowhere, to rehearse in. */
        Trace(int lanes, int tasks, int room) {
            this.lanes = lanes;
            this.tasks = tasks;
            this.room = room;
            lanesAt = 0;
            tasksAt = lanes * LANE;
            spansAt = tasksAt + tasks * TASK;
            long size = spansAt + (long) lanes * room * SPAN;
            file = MEMORY.allocateMemory(size);
            MEMORY.setMemory(file, size, (byte) 0);
        }

        /** Threads that carried others before the work: what the kernel has counted for them so far is not of it. */
        void expect(Map<Thread, Lane> threads) {
            for (var known : threads.entrySet()) carriers.put(known.getKey(), new Lane(this, carriers.size(), known.getValue()));
        }

        long u64(long at) {
            return MEMORY.getLong(file + at);
        }

        int u32(long at) {
            return MEMORY.getInt(file + at);
        }

        void put(long at, long value) {
            MEMORY.putLong(file + at, value);
        }

        void put(long at, int value) {
            MEMORY.putInt(file + at, value);
        }

        int step(int task) {
            return u32(tasksAt + task * TASK + 20) - 1;
        }

        long lastEnd() {
            long last = 0;
            for (int task = 0; task < tasks; task++) last = Math.max(last, u64(tasksAt + task * TASK + 8));
            return last;
        }

        /** The lane of the thread that carries this virtual one, which stays the same until the task waits. */
        Lane carrier() {
            for (Lane known; ; enrol(Kernel.carrier())) { // after which another thread may carry us
                if ((known = carriers.get(Kernel.carrier())) == null) continue;
                if (known.tid == 0) known.adopt();
                return known;
            }
        }

        synchronized void enrol(Thread thread) {
            if (carriers.containsKey(thread)) return;
            // An idle carrier may end, and another take its place.
            for (var old : carriers.entrySet()) {
                if (carriers.size() >= lanes && !old.getKey().isAlive()) {
                    carriers.remove(old.getKey());
                    carriers.put(thread, old.getValue());
                    if (old.getValue().tid == 0) Arrays.fill(old.getValue().before, 0);
                    return;
                }
            }
            carriers.put(thread, new Lane(this, carriers.size()));
        }
    }

    /** A thread that executes steps, and its part of the trace, to which it alone appends. */
    static final class Lane {
        static final int WORKER = 0, LOOP = 1;
        final Trace trace;
        final int index;
        int tid;
        final long record, first;
        final boolean there, delays, carries; // tasks that go to another thread where they wait
        final long[] before;
        int spans, ended;
        long dropped;

        /** Of a thread that carries virtual ones: it is new, so that all that the kernel counted for it is ours. */
        Lane(Trace trace, int index) {
            this(trace, index, new long[4], true, true);
        }

        /** Of one that carried some before. Its id is not written until it has a task: who carries none has no lane. */
        Lane(Trace trace, int index, Lane rehearsed) {
            this(trace, index, rehearsed.counters(), true, true);
        }

        /** Of the current thread. */
        Lane(Trace trace, int index, int role, boolean delays) {
            this(trace, index, new long[4], delays, false);
            adopt();
            if (there) trace.put(record + 8, role);
            System.arraycopy(counters(), 0, before, 0, 4);
        }

        private Lane(Trace trace, int index, long[] before, boolean delays, boolean carries) {
            this.trace = trace;
            this.index = index;
            this.delays = delays;
            this.carries = carries;
            there = index < trace.lanes; // one too many leaves tasks, but no spans
            record = trace.lanesAt + index * Trace.LANE;
            first = trace.spansAt + (long) index * trace.room * Trace.SPAN;
            this.before = before;
        }

        void adopt() {
            tid = Kernel.tid();
            if (!there) return;
            trace.put(record + 4, tid);
            trace.put(record + 8, LOOP);
            trace.put(record, Kernel.PID);
        }

        void begin(Task task) {
            trace.put(task.record() + 16, index);
            trace.put(task.record(), task.now);
        }

        void end(Task task, int outcome) {
            trace.put(task.record() + 24, outcome);
            trace.put(task.record() + 8, task.now);
            if (there) trace.put(record + 12, ++ended);
        }

        long open(Task task, int step) {
            trace.put(task.record() + 20, step + 1);
            if (!there) return 0;
            if (spans == trace.room) {
                trace.put(record + 24, ++dropped);
                return 0;
            }
            long at = first + spans * Trace.SPAN;
            trace.put(at, task.number);
            trace.put(at + 4, step);
            trace.put(at + 8, task.now);
            trace.put(record + 16, (long) ++spans);
            return at;
        }

        /** Writes what the kernel counted for this thread. */
        void close() {
            if (!there || tid == 0) return;
            var now = counters();
            trace.put(record + 32, now[0] - before[0]);
            trace.put(record + 40, now[1] < 0 ? -1L : now[1] - before[1]);
            trace.put(record + 48, (int) (now[2] - before[2]));
            trace.put(record + 52, (int) (now[3] - before[3]));
            trace.put(record + 56, 1);
        }

        /** Processor time, time ready without a processor (-1: not known), voluntary and involuntary switches. */
        long[] counters() {
            if (!delays) {
                var own = C.usage(1); // RUSAGE_THREAD, of the current one
                return new long[] {own[0] + own[1], -1, own[2], own[3]};
            }
            try {
                var times = Kernel.words("/proc/self/task/" + tid + "/schedstat");
                var status = Kernel.words("/proc/self/task/" + tid + "/status");
                return new long[] {Long.parseLong(times.get(0)), Long.parseLong(times.get(1)), after(status, "voluntary_ctxt_switches:"), after(status, "nonvoluntary_ctxt_switches:")};
            } catch (IOException gone) {
                return new long[] {0, -1, 0, 0};
            }
        }

        static long after(List<String> words, String name) {
            return Long.parseLong(words.get(words.indexOf(name) + 1));
        }
    }

    // -----------------------------------------------------------------------------------------------------------------
    // 5. The kernel, by what it writes into /proc, and, where that does not do, by the C library.

    static final class Kernel {
        static final int PID = (int) ProcessHandle.current().pid();
        static final long TICK = 10_000_000; // of proc_pid_stat(5), nanoseconds
        static final int MANY = 1000;
        static final jdk.internal.access.JavaLangAccess LANG = jdk.internal.access.SharedSecrets.getJavaLangAccess();

        static List<String> words(String file) throws IOException {
            var words = new ArrayList<String>();
            for (var each = new StringTokenizer(Files.readString(Path.of(file))); each.hasMoreTokens();) words.add(each.nextToken());
            return words;
        }

        static int tid() {
            try {
                return Integer.parseInt(Files.readSymbolicLink(Path.of("/proc/thread-self")).getFileName().toString());
            } catch (IOException impossible) {
                throw new IllegalStateException(impossible);
            }
        }

        /** The platform thread under the current one. */
        static Thread carrier() {
            return LANG.currentCarrierThread();
        }

        /** User and system time of this process and of the children that it waited for, in ns: that of all threads as it is exactly,
            and never less than what is counted in ticks, in which threads that have ended are too; its split is that of the ticks. */
        static long[] spent() {
            try {
                var stat = Files.readString(Path.of("/proc/self/stat"));
                var fields = new StringTokenizer(stat.substring(stat.lastIndexOf(')') + 1));
                var ticks = new long[15];
                for (int at = 0; at < 15; at++) {
                    var word = fields.nextToken();
                    if (at > 10) ticks[at] = Long.parseLong(word);
                }
                long user = ticks[11], system = ticks[12], threads = 0;
                var alive = new File("/proc/self/task").list();
                for (int at = 0; at < alive.length && alive.length < MANY; at++) threads += running("/proc/self/task/" + alive[at] + "/schedstat");
                long all = Math.max(threads, (user + system) * TICK), ofSystem = all * system / Math.max(1, user + system);
                return new long[] {all - ofSystem + ticks[13] * TICK, ofSystem + ticks[14] * TICK};
            } catch (IOException impossible) {
                throw new IllegalStateException(impossible);
            }
        }

        static long running(String schedstat) {
            try {
                return Long.parseLong(words(schedstat).get(0));
            } catch (IOException | IndexOutOfBoundsException ended) {
                return 0;
            }
        }
    }

    /** The C library, through java.lang.foreign. */
    static final class C {
        static final Linker LINKER = Linker.nativeLinker();
        static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
        static final MethodHandle GETPGRP = function("getpgrp"), KILL = function("kill", INT, INT);
        static final MethodHandle SLEEP = function("nanosleep", ValueLayout.ADDRESS, ValueLayout.ADDRESS);
        static final MethodHandle USAGE = function("getrusage", INT, ValueLayout.ADDRESS);

        static MethodHandle function(String name, MemoryLayout... arguments) {
            return LINKER.downcallHandle(LINKER.defaultLookup().find(name).orElseThrow(), FunctionDescriptor.of(INT, arguments));
        }

        static int call(MethodHandle function, Object... arguments) {
            try {
                return (int) function.invokeWithArguments(arguments);
            } catch (Throwable impossible) {
                throw new IllegalStateException(impossible);
            }
        }

        static void kill(int pid, int signal) {
            call(KILL, pid, signal);
        }

        /** Blocks the thread in the kernel, and with it what it carries: nanosleep(2). */
        static void nanosleep(long ns) {
            long until = clock() + ns;
            try (var arena = Arena.ofConfined()) {
                var time = arena.allocate(16, 8);
                for (long left = ns; left > 0; left = until - clock()) {
                    time.set(ValueLayout.JAVA_LONG, 0, left / 1_000_000_000);
                    time.set(ValueLayout.JAVA_LONG, 8, left % 1_000_000_000);
                    int interrupted = (int) SLEEP.invokeExact(time, MemorySegment.NULL);
                }
            } catch (Throwable impossible) {
                throw new IllegalStateException(impossible);
            }
        }

        /** User and system time in ns, voluntary and involuntary switches: getrusage(2). */
        static long[] usage(int who) {
            try (var arena = Arena.ofConfined()) {
                var usage = arena.allocate(144, 8);
                call(USAGE, who, usage);
                var word = ValueLayout.JAVA_LONG;
                long user = usage.get(word, 0) * 1_000_000_000 + usage.get(word, 8) * 1000;
                long system = usage.get(word, 16) * 1_000_000_000 + usage.get(word, 24) * 1000;
                return new long[] {user, system, usage.get(word, 128), usage.get(word, 136)};
            }
        }
    }

    // -----------------------------------------------------------------------------------------------------------------
    // 6. The conversation, and a run as it sees it.

    static final class Refusal extends Exception {
        final String code, place;

        Refusal(String code, String text) {
            this(code, text, null);
        }

        Refusal(String code, String text, String place) {
            super(text);
            this.code = code;
            this.place = place;
        }
    }

    static OutputStream output;

    static synchronized void say(String name, Object value) {
        try {
            output.write((Json.write(Json.object(name, value)) + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException nobodyListens) {
            Runtime.getRuntime().halt(1);
        }
    }

    static void refuse(Throwable problem) {
        var known = problem instanceof Refusal refusal ? refusal : new Refusal("refused", String.valueOf(problem));
        say("error", Json.object("code", known.code, "text", known.getMessage(), "place", known.place));
        vanish();
    }

    /** Kills all that was started: the runner leads the process group that holds it. */
    static void vanish() {
        if (C.call(C.GETPGRP) == Kernel.PID) C.kill(-Kernel.PID, 9);
        Runtime.getRuntime().halt(1);
    }

    /** When the look at the processor time began, when it was over, and what it was. */
    record Moment(long noticed, long ns, long user, long system) {
        static Moment now() {
            long noticed = clock();
            var spent = Kernel.spent();
            return new Moment(noticed, clock(), spent[0], spent[1]);
        }
    }

    static final class Run {
        final Work work;
        final List<Moment> marks = Collections.synchronizedList(new ArrayList<>());
        final AtomicBoolean claimed = new AtomicBoolean();
        volatile boolean said, stopped;
        final List<String> notes = new ArrayList<>();
        final List<Object> deadlock = new ArrayList<>();
        long ended;

        Run(Work work) {
            this.work = work;
        }

        void go() {
            try {
                marks.add(Moment.now());
                var crew = crew(work);
                marks.add(Moment.now());
                work.begun = marks.get(1).ns;
                Thread.ofPlatform().daemon().start(this::watch);
                crew.work();
                marks.add(Moment.now());
                ended = Math.max(work.trace.lastEnd(), work.begun);
                crew.close();
                marks.add(Moment.now());
                if (claimed.compareAndSet(false, true)) conclude();
            } catch (Throwable problem) {
                refuse(problem);
            }
        }

        /** Looks whether all who could go on wait for each other, twice in the same way. */
        void watch() {
            boolean stuck = false, pools = work.strategy.equals("sequential") || work.strategy.equals("thread-pool");
            for (long before = -1; work.semaphores.length > 0 && !said;) {
                try {
                    Thread.sleep(100);
                } catch (InterruptedException never) {
                    return;
                }
                long moves = work.moves.get(), flying = work.flying.get(), waiting = 0;
                for (var semaphore : work.semaphores) waiting += semaphore.getQueueLength();
                boolean full = pools && flying == work.lanes || work.next.get() >= work.count;
                boolean now = flying > 0 && flying == waiting && full && moves == before;
                before = moves;
                if (now && stuck) {
                    for (int task = 0; task < work.count && deadlock.size() < 20; task++) {
                        long at = work.trace.tasksAt + task * Trace.TASK;
                        if (work.trace.u64(at) != 0 && work.trace.u64(at + 8) == 0) deadlock.add(Json.object("task", task, "step", work.trace.step(task)));
                    }
                    giveUp(null);
                }
                stuck = now;
            }
        }

        void stop() {
            if (stopped) return;
            stopped = true;
            synchronized (work.halt) {
                work.halted = true;
                work.halt.notifyAll();
            }
            long grace = ((Number) Json.map(work.plan.get("limits")).get("grace_ns")).longValue();
            Thread.ofPlatform().daemon().start(() -> {
                C.nanosleep(grace);
                giveUp("stopped before every task under way had ended");
            });
        }

        /** Says `done` although the work is not, and ends everything. */
        void giveUp(String note) {
            if (!claimed.compareAndSet(false, true)) return;
            if (note != null) notes.add(note);
            while (marks.size() < 2) marks.add(Moment.now());
            ended = clock();
            while (marks.size() < 4) marks.add(Moment.now());
            conclude();
            vanish();
        }

        void conclude() {
            var m = marks;
            var worked = phase(m.get(1).ns, ended, m.get(1), m.get(2));
            // Processor time is read when the end is noticed, and never more than there was.
            long wall = ended - m.get(1).ns, most = wall * Runtime.getRuntime().availableProcessors();
            if (m.get(2).noticed - ended > wall / 20 + 1_000_000) worked.put("cpu", null);
            else worked.put("cpu", spent(m.get(1), m.get(2), most));
            var failures = new ArrayList<>(work.failures.values());
            failures.sort(Comparator.comparingInt(one -> -(Integer) one.get("count")));
            var vars = new ArrayList<>();
            for (var one : Json.maps(work.plan.get("vars"))) {
                vars.add(Json.object("name", one.get("name"), "value", work.vars.get(vars.size()), "by_process", List.of()));
            }
            said = true;
            say("done", Json.object("phases", Json.object("setup", phase(m.get(0).ns, m.get(1).ns, m.get(0), m.get(1)), "work", worked,
                "teardown", phase(ended, Math.max(ended, m.get(3).ns), m.get(2), m.get(3))), "failures", failures, "vars", vars,
                "deadlock", deadlock, "result_hash", null, "notes", notes));
        }

        static Map<String, Object> phase(long start, long end, Moment from, Moment to) {
            return Json.object("start_ns", start, "end_ns", end, "cpu", spent(from, to, Long.MAX_VALUE));
        }

        /** Processor time between two moments. Its split by ticks may step back, and so may the whole where a thread has ended. */
        static Map<String, Object> spent(Moment from, Moment to, long most) {
            long all = Math.max(0, to.user + to.system - from.user - from.system), system = Math.clamp(to.system - from.system, 0, all);
            if (all > most) system = (long) ((double) system * most / all);
            return Json.object("user_ns", Math.min(all, most) - system, "system_ns", system);
        }
    }

    static final List<String> STEPS = List.of("cpu", "wait", "block", "hold", "send", "receive", "read", "write", "update", "http", "run",
        "allocate", "repeat", "yield", "fail", "crash");
    static final List<String> STRATEGIES = List.of("sequential", "threads", "thread-pool", "async-pool");

    static void ready(double rate, Long warm, boolean described) {
        var offers = new ArrayList<>();
        for (var name : STRATEGIES) offers.add(Json.object("name", name));
        var facts = new ArrayList<>();
        if (described) {
            facts.add(List.of("executable", ProcessHandle.current().info().command().orElse("java")));
            facts.add(List.of("virtual machine", System.getProperty("java.vm.name")));
        }
        say("ready", Json.object("protocol", PROTOCOL, "runtime", "java", "version", String.valueOf(Runtime.version().feature()),
            "build", System.getProperty("java.vm.version"), "jit", true, "strategies", offers, "steps", STEPS, "warm_up_ns", warm,
            "pid", Kernel.PID, "calibration", rate, "span_cost_ns", described ? spanCost() : null, "facts", facts));
    }

    /** What recording one span costs, its clock reading included: the least of several tries. */
    static double spanCost() {
        int count = 2000;
        double best = Double.POSITIVE_INFINITY;
        for (int turn = 0; turn < 40; turn++) {
            var lane = new Lane(new Trace(1, 1, count), 0, Lane.WORKER, true);
            long begun = clock();
            for (int i = 0; i < count; i++) {
                lane.trace.put(Trace.LANE + 20, 2);
                long at = lane.first + lane.spans * Trace.SPAN;
                lane.trace.put(at, 0);
                lane.trace.put(at + 4, 1);
                lane.trace.put(at + 8, begun);
                lane.trace.put(lane.record + 16, (long) ++lane.spans);
                lane.trace.put(at + 16, clock());
            }
            best = Math.min(best, (clock() - begun) / (double) count);
        }
        return best;
    }

    static Work prepare(Map<String, Object> plan, Consumer<long[]> tell) throws Exception {
        if (Work.number(plan, "protocol") != PROTOCOL) {
            throw new Refusal("protocol", "the plan speaks version " + plan.get("protocol") + ", this runner " + PROTOCOL + ": use those of one maitred");
        }
        if (!STRATEGIES.contains(plan.get("strategy"))) {
            throw new Refusal("unsupported", "Java has no strategy `" + plan.get("strategy") + "`: use " + String.join(", ", STRATEGIES));
        }
        // Read when the first virtual thread is made: as many carriers as there are workers, and never one more.
        var workers = String.valueOf(plan.get("workers"));
        System.setProperty("jdk.virtualThreadScheduler.parallelism", workers);
        System.setProperty("jdk.virtualThreadScheduler.maxPoolSize", workers);
        var warm = new long[1];
        double rate = plan.get("calibration") instanceof Number known ? known.doubleValue() : calibrate(warm);
        if (warm[0] > 0) tell.accept(warm);
        var work = new Work(plan, rate, new Trace((String) plan.get("trace_path")));
        rehearse();
        if (work.strategy.equals("async-pool")) work.trace.expect(rehearse(work.workers, work.count));
        if (Json.write(plan.get("programs")).contains("\"cpu\"")) warmUp(rate);
        return work;
    }

    static void converse() throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Run current = null;
        boolean going = false;
        for (String line; (line = input.readLine()) != null;) {
            var quoted = line.substring(0, Math.min(200, line.length()));
            Map<String, Object> command;
            try {
                command = Json.map(Json.read(line));
            } catch (RuntimeException wrong) {
                throw new Refusal("protocol", "this line is not a command: " + quoted, quoted);
            }
            if (command.containsKey("describe") && current == null) {
                var warm = new long[1];
                ready(calibrate(warm), warm[0], true);
            } else if (command.containsKey("plan") && current == null) {
                var warm = new Long[1];
                current = new Run(prepare(Json.map(command.get("plan")), took -> warm[0] = took[0]));
                ready(current.work.rate, warm[0], false);
            } else if (command.containsKey("go") && current != null && !going) {
                going = true;
                Thread.ofPlatform().daemon().start(current::go);
            } else if (command.containsKey("stop") && going) {
                current.stop();
            } else {
                throw new Refusal("protocol", "this line is not a command, or not now: " + quoted, quoted);
            }
        }
        if (going && !current.said) vanish();
        Runtime.getRuntime().halt(0);
    }

    public static void main(String[] arguments) throws Exception {
        output = new FileOutputStream("/proc/self/fd/3");
        try {
            converse();
        } catch (Throwable problem) {
            refuse(problem);
        }
    }

    /** As much of JSON (RFC 8259) as the protocol needs: objects are maps, lists are lists, whole numbers are long. */
    static final class Json {
        private final String text;
        private int at;

        private Json(String text) {
            this.text = text;
        }

        static Object read(String text) {
            var json = new Json(text);
            var value = json.value();
            json.blank();
            if (json.at < text.length()) throw new IllegalArgumentException("more follows");
            return value;
        }

        @SuppressWarnings("unchecked")
        static Map<String, Object> map(Object value) {
            return (Map<String, Object>) Objects.requireNonNull(value, "it lacks an object");
        }

        @SuppressWarnings("unchecked")
        static List<Map<String, Object>> maps(Object value) {
            return (List<Map<String, Object>>) Objects.requireNonNull(value, "it lacks a list");
        }

        static Map<String, Object> object(Object... pairs) {
            var map = new LinkedHashMap<String, Object>();
            for (int i = 0; i < pairs.length; i += 2) map.put((String) pairs[i], pairs[i + 1]);
            return map;
        }

        private void blank() {
            while (at < text.length() && text.charAt(at) <= ' ') at++;
        }

        private boolean skip(char wanted) {
            blank();
            boolean there = at < text.length() && text.charAt(at) == wanted;
            if (there) at++;
            return there;
        }

        private void expect(char wanted) {
            if (!skip(wanted)) throw new IllegalArgumentException("no " + wanted);
        }

        private Object value() {
            blank();
            switch (text.charAt(at)) {
                case '{' -> {
                    at++;
                    var map = new LinkedHashMap<String, Object>();
                    while (!skip('}')) {
                        blank();
                        var name = string();
                        expect(':');
                        map.put(name, value());
                        skip(',');
                    }
                    return map;
                }
                case '[' -> {
                    at++;
                    var list = new ArrayList<Object>();
                    while (!skip(']')) {
                        list.add(value());
                        skip(',');
                    }
                    return list;
                }
                case '"' -> {
                    return string();
                }
                default -> {
                    int from = at;
                    while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) at++;
                    var word = text.substring(from, at);
                    return switch (word) {
                        case "null" -> null;
                        case "true" -> true;
                        case "false" -> false;
                        default -> isWhole(word) ? (Object) Long.valueOf(word) : (Object) Double.valueOf(word);
                    };
                }
            }
        }

        private static boolean isWhole(String number) {
            return number.indexOf('.') < 0 && number.indexOf('e') < 0 && number.indexOf('E') < 0;
        }

        private String string() {
            expect('"');
            var made = new StringBuilder();
            for (char one; (one = text.charAt(at++)) != '"';) {
                if (one != '\\') {
                    made.append(one);
                    continue;
                }
                char escaped = text.charAt(at++);
                switch (escaped) {
                    case 'n' -> made.append('\n');
                    case 't' -> made.append('\t');
                    case 'r' -> made.append('\r');
                    case 'b' -> made.append('\b');
                    case 'f' -> made.append('\f');
                    case 'u' -> {
                        made.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                        at += 4;
                    }
                    default -> made.append(escaped);
                }
            }
            return made.toString();
        }

        static String write(Object value) {
            var text = new StringBuilder();
            write(value, text);
            return text.toString();
        }

        private static void write(Object value, StringBuilder text) {
            if (value instanceof Map<?, ?> map) {
                text.append('{');
                for (var field : map.entrySet()) {
                    if (text.charAt(text.length() - 1) != '{') text.append(',');
                    write(field.getKey(), text);
                    text.append(':');
                    write(field.getValue(), text);
                }
                text.append('}');
            } else if (value instanceof List<?> list) {
                text.append('[');
                for (var one : list) {
                    if (text.charAt(text.length() - 1) != '[') text.append(',');
                    write(one, text);
                }
                text.append(']');
            } else if (value instanceof String string) {
                text.append('"');
                for (int at = 0; at < string.length(); at++) quote(string.charAt(at), text);
                text.append('"');
            } else text.append(value);
        }

        private static void quote(char one, StringBuilder text) {
            if (one < ' ') text.append("\\u00").append(one < 16 ? "0" : "").append(Integer.toHexString(one));
            else if (one == '"' || one == '\\') text.append('\\').append(one);
            else text.append(one);
        }
    }
}
