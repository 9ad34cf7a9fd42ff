// The Go runner of maitred: carries out one plan under one strategy and records what each lane and task did.
//
// It speaks JSON lines (runtimes/PROTOCOL.md) and needs nothing but the standard library of Go 1.21 or later. A lane is
// a thread that a goroutine is locked to, or, under async-pool, one of Go's processors: goroutines move from thread to
// thread, also in the midst of a step, but on one processor there is only one at a time.
//
//  1. the strategies      3. the trace                       5. HTTP, commands, failures
//  2. the steps           4. waiting for each other          6. the conversation with maitred
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const protocol = 2

// CLOCK_MONOTONIC in nanoseconds, the clock of everything that is recorded (time.Now reads the wall clock too).
//
//go:linkname clock runtime.nanotime
func clock() int64

// The number of the processor that this goroutine is on, which it keeps until procUnpin: what lies between is short.
//
//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

// ---------------------------------------------------------------------------------------------------------------------
// 1. Strategies. Each makes its workers (set-up), lets them work, and joins them (tear-down).

type strategy struct {
	lanes func(*work) int
	// Makes the workers; the first function it returns has them work to the end, the second ends them.
	start func(*work) (begin, end func())
	pools bool // tasks wait for a worker: a full pool can stand still
}

var strategies = map[string]strategy{
	"sequential":  {func(*work) int { return 1 }, pool, true},
	"thread-pool": {func(w *work) int { return w.plan.Workers }, pool, true},
	"threads":     {func(w *work) int { return w.count }, threads, false},
	"async-pool":  {func(w *work) int { return w.plan.Workers }, goroutines, false},
}

// A fixed number of goroutines, each locked to a thread of its own, take tasks from one queue.
func pool(w *work) (func(), func()) {
	var ready, worked, closed sync.WaitGroup
	begin, end := make(chan bool), make(chan bool)
	for index := range w.needs {
		ready.Add(1)
		worked.Add(1)
		closed.Add(1)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			lane := w.enrol(index)
			ready.Done()
			<-begin
			for {
				number, there := w.take()
				if !there {
					break
				}
				w.perform(number, lane)()
			}
			worked.Done()
			<-end
			lane.close()
			closed.Done()
		}()
	}
	ready.Wait()
	return func() { close(begin); worked.Wait() }, func() { close(end); closed.Wait() }
}

// Every task has a thread of its own.
func threads(w *work) (func(), func()) {
	debug.SetMaxThreads(w.count + 10_000)
	var alive sync.WaitGroup
	return func() {
		for index := 0; ; index++ {
			number, there := w.take()
			if !there {
				break
			}
			alive.Add(1)
			go func() {
				runtime.LockOSThread()
				lane := w.enrol(number)
				w.perform(number, lane)()
				lane.close()
				alive.Done()
			}()
		}
		alive.Wait()
	}, func() {}
}

// Every task has a goroutine; so many processors run them all.
func goroutines(w *work) (func(), func()) {
	runtime.GOMAXPROCS(w.plan.Workers)
	for index := range w.plan.Workers {
		w.lanes = append(w.lanes, w.trace.lane(index, loop, 0))
	}
	if width, _ := strconv.Atoi(w.plan.Options["concurrency"]); width > 0 {
		w.places = make(chan bool, width)
	}
	return func() {
		for {
			if w.places != nil {
				w.places <- true
			}
			number, there := w.take()
			if !there {
				break
			}
			w.alive.Add(1)
			go w.perform(number, nil)()
		}
		w.alive.Wait()
	}, func() {}
}

// ---------------------------------------------------------------------------------------------------------------------
// 2. The work and its steps. `task.now` is when a step ended, which is when the next one begins: n steps take n + 1
//    readings of the clock.

type amount struct {
	Ns     *int64 `json:"ns"`
	Column *int   `json:"column"`
}

type step struct {
	id, column, object int
	name               string
	value              int64 // nanoseconds, units of cpu, bytes, a count, what is added
	steps              []step
	words              []string // of a command
	request            *request
}

type request struct {
	Method, Url string
	Headers     [][2]string
	Body        *string
}

type group struct {
	Program, First, Count int
	Arrivals              json.RawMessage
}

type plan struct {
	Protocol            int
	Strategy            string
	Workers             int
	Calibration         *float64
	Programs            []struct{ Steps []json.RawMessage }
	Groups              []group
	Resources, Channels []struct {
		Name     string
		Capacity int
	}
	Vars []struct {
		Name    string
		Initial int64
	}
	Columns *struct {
		Path    string
		Columns []struct {
			Offset    int
			FirstTask int `json:"first_task"`
			PerTask   int `json:"per_task"`
		}
	}
	TracePath string `json:"trace_path"`
	Limits    struct {
		GraceNs int64 `json:"grace_ns"`
	}
	Options map[string]string
}

type work struct {
	plan     plan
	rate     float64
	count    int
	needs    int // lanes
	programs [][]step
	columns  []uint64
	order    []arrival // empty: all at once
	begun    int64
	trace    *trace
	lanes    []*lane // of processors
	alive    crowd
	places   chan bool // of goroutines, where there may be only so many
	next     counter
	waiting  counter
	moves    counter // steps in which tasks could wait for each other
	halted   atomic.Bool
	halt     chan bool
	vars     []int64
	sems     []semaphore
	chans    []chan struct{}
	client   *http.Client
	door     sync.Mutex
	failures map[string]*failure
}

// Written by all processors, so that nothing else shares its cache line.
type counter struct {
	_ [64]byte
	atomic.Int64
	_ [64]byte
}

// The same of goroutines that have not come to their end.
type crowd struct {
	_ [64]byte
	sync.WaitGroup
	_ [64]byte
}

type arrival struct {
	ns     int64
	number int
}

type task struct {
	work    *work
	lane    *lane // nil: that of whichever processor it is on
	record  *taskRecord
	number  int
	now     int64
	baggage *baggage
}

// What some steps leave to later ones of the same task.
type baggage struct {
	register int64
	turns    map[int]int
	kept     [][]byte
}

func (t *task) bag() *baggage {
	if t.baggage == nil {
		t.baggage = &baggage{turns: map[int]int{}}
	}
	return t.baggage
}

// The next task when it has come; false: there is none.
func (w *work) take() (int, bool) {
	index := int(w.next.Add(1) - 1)
	if w.halted.Load() || index >= w.count {
		return 0, false
	}
	if len(w.order) == 0 {
		return index, true
	}
	due := w.order[index]
	if left := w.begun + due.ns - clock(); left > 0 {
		timer := time.NewTimer(time.Duration(left))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-w.halt:
			return 0, false
		}
	}
	return due.number, true
}

func (w *work) program(number int) []step {
	for _, group := range w.plan.Groups {
		if number < group.First+group.Count {
			return w.programs[group.Program]
		}
	}
	return nil
}

// What does one task from its first step to its last. A goroutine consists of it, and waits in it: where many tasks wait, what
// each has on its stack has left all caches when it wakes, so that each frame more costs memory and time.
func (w *work) perform(number int, own *lane) func() {
	return func() {
		t := task{work: w, lane: own, record: &w.trace.tasks[number], number: number}
		if t.begin() {
			for steps := w.program(number); len(steps) > 0; steps = steps[1:] {
				if one := &steps[0]; one.name == "wait" {
					span := t.open(one.id)
					time.Sleep(time.Duration(t.amount(one)))
					t.shut(span)
				} else if problem := t.step(one); problem != nil {
					t.fail(problem)
					break
				}
			}
			t.end()
		}
		if own == nil {
			w.land()
		}
	}
}

// A goroutine comes to its end.
func (w *work) land() {
	if w.places != nil {
		<-w.places
	}
	w.alive.Done()
}

// How many tasks were taken and have not ended.
func (w *work) flying() int64 {
	ended := int64(0)
	for index := range w.needs {
		ended += int64(atomic.LoadUint32(&w.trace.lanes[index].ended))
	}
	return min(w.next.Load(), int64(w.count)) - ended
}

func (t *task) run(steps []step) error {
	for index := range steps {
		if problem := t.step(&steps[index]); problem != nil {
			return problem
		}
	}
	return nil
}

func (t *task) step(one *step) (problem error) {
	switch one.name {
	case "hold":
		return t.hold(one)
	case "repeat":
		for turn := int64(0); turn < one.value && problem == nil; turn++ {
			problem = t.run(one.steps)
		}
		return problem
	}
	span := t.open(one.id)
	problem = t.do(one)
	t.shut(span)
	return problem
}

func (t *task) hold(one *step) error {
	span := t.open(one.id)
	t.work.sems[one.object].acquire(t.work)
	t.shut(span)
	span = t.open(one.id + 1)
	problem := t.run(one.steps)
	t.shut(span) // before it is given back: the next one cannot have it any earlier
	t.work.sems[one.object].release(t.work)
	return problem
}

func (t *task) do(one *step) error {
	w := t.work
	switch one.name {
	case "cpu":
		sink.Store(compute(int64(float64(t.amount(one)) * w.rate / 1e9)))
	case "wait":
		time.Sleep(time.Duration(t.amount(one)))
	case "block":
		block(t.amount(one))
	case "yield":
		runtime.Gosched()
	case "send":
		w.moves.Add(1)
		select {
		case w.chans[one.object] <- struct{}{}:
		default:
			w.waiting.Add(1)
			w.chans[one.object] <- struct{}{}
			w.waiting.Add(-1)
		}
	case "receive":
		w.moves.Add(1)
		select {
		case <-w.chans[one.object]:
		default:
			w.waiting.Add(1)
			<-w.chans[one.object]
			w.waiting.Add(-1)
		}
	case "read":
		t.bag().register = atomic.LoadInt64(&w.vars[one.object])
	case "write":
		atomic.StoreInt64(&w.vars[one.object], t.bag().register+one.value)
	case "update":
		t.bag().register = atomic.AddInt64(&w.vars[one.object], one.value)
	case "allocate":
		memory := make([]byte, one.value)
		for at := 0; at < len(memory); at += 4096 {
			memory[at] = 1 // touched: a page nobody wrote to takes no memory
		}
		t.bag().kept = append(t.bag().kept, memory)
	case "http":
		return w.ask(one.request)
	case "run":
		return execute(one.words)
	case "fail":
		return &stepFailed{"fail", one.words[0]}
	case "crash":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return nil
}

// The duration of a step: the same for all tasks, or the next one of the task's column.
func (t *task) amount(one *step) int64 {
	if one.column < 0 {
		return one.value
	}
	turns := t.bag().turns
	turn := turns[one.id]
	turns[one.id] = turn + 1
	return t.work.drawn(one.column, t.number, turn)
}

func (w *work) drawn(column, number, turn int) int64 {
	c := w.plan.Columns.Columns[column]
	return int64(w.columns[c.Offset+(number-c.FirstTask)*c.PerTask+turn])
}

var sink atomic.Uint32

// The work of a cpu step, each turn of which needs the one before (a linear congruential generator).
//
//go:noinline
func compute(units int64) uint32 {
	x := uint32(1)
	for ; units > 0; units-- {
		x = (x*1103515245 + 12345) & 0x7fffffff
	}
	return x
}

// Units of compute in a second: the best of many slices, since others only slow them.
func calibrate() float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	units, best := int64(1000), 0.0
	for until := clock() + 60_000_000; clock() < until; {
		begun := clock()
		sink.Store(compute(units))
		took := clock() - begun
		best = max(best, float64(units)*1e9/float64(max(1, took)))
		if took < 1_000_000 {
			units *= 2
		}
	}
	return best
}

// Blocks the thread in the kernel, which Go's scheduler sees only as a call that does not return: nanosleep(2).
func block(ns int64) {
	until := clock() + ns
	for left := ns; left > 0; left = until - clock() {
		rest := syscall.NsecToTimespec(left)
		syscall.Nanosleep(&rest, nil)
	}
}

// ---------------------------------------------------------------------------------------------------------------------
// 3. The trace: a mapped file that survives the death of whoever writes it (crates/wire/src/trace_file.rs).

const (
	worker, loop = 0, 1
	done, failed = 1, 2
)

type trace struct {
	lanes []laneRecord
	tasks []taskRecord
	spans []spanRecord // of all lanes
	room  int          // of each
}

type laneRecord struct {
	pid, tid, role, ended          uint32
	spans, dropped                 int64
	cpu, delay                     int64
	voluntary, involuntary, closed uint32
	_                              uint32
}

type taskRecord struct {
	start, end          int64
	lane, step, outcome uint32
	_                   uint32
}

type spanRecord struct {
	task, step uint32
	start, end int64
}

func openTrace(path string) (*trace, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	header := make([]byte, 56)
	if _, err = io.ReadFull(file, header); err != nil {
		return nil, err
	}
	u32 := func(at int) int { return int(binary.LittleEndian.Uint32(header[at:])) }
	u64 := func(at int) int { return int(binary.LittleEndian.Uint64(header[at:])) }
	if string(header[:8]) != "MAITREDT" || u32(8) != protocol {
		return nil, fmt.Errorf("`%s` is not a trace file of version %d: use the runner of this maitred", path, protocol)
	}
	// Each page would else come when a task is the first to write to it, which that one waits for.
	how := syscall.MAP_SHARED | syscall.MAP_POPULATE
	bytes, err := syscall.Mmap(int(file.Fd()), 0, u64(48), syscall.PROT_READ|syscall.PROT_WRITE, how)
	if err != nil {
		return nil, err
	}
	start, lanes, tasks, room := unsafe.Pointer(unsafe.SliceData(bytes)), u32(12), u32(16), u32(20)
	return &trace{
		lanes: unsafe.Slice((*laneRecord)(unsafe.Add(start, u64(24))), lanes),
		tasks: unsafe.Slice((*taskRecord)(unsafe.Add(start, u64(32))), tasks),
		spans: unsafe.Slice((*spanRecord)(unsafe.Add(start, u64(40))), lanes*room),
		room:  room,
	}, nil
}

// Stores of an amd64 are seen in their order by themselves: an atomic one would wait until memory has it.
func store(at *int64, value int64) {
	if runtime.GOARCH == "amd64" {
		*at = value
	} else {
		atomic.StoreInt64(at, value)
	}
}

func (t *trace) stepOf(number int) int { return int(atomic.LoadUint32(&t.tasks[number].step)) - 1 }

func (t *trace) times(number int) (begun, ended int64) {
	record := &t.tasks[number]
	return atomic.LoadInt64(&record.start), atomic.LoadInt64(&record.end)
}

func (t *trace) lastEnd() (last int64) {
	for number := range t.tasks {
		_, ended := t.times(number)
		last = max(last, ended)
	}
	return last
}

// What executes steps, and its region of spans, to which one goroutine appends at a time.
type lane struct {
	record *laneRecord
	spans  []spanRecord
	index  uint32
	begun  int
	delays bool
	before [4]int64
	_      [64]byte // processors do not share a cache line
}

func (t *trace) lane(index int, role uint32, tid int) *lane {
	l := &lane{record: &t.lanes[index], spans: t.spans[index*t.room : (index+1)*t.room], index: uint32(index)}
	l.record.tid = uint32(tid)
	l.record.role = role
	l.record.pid = uint32(os.Getpid())
	return l
}

// The lane of the thread that this goroutine is locked to.
func (w *work) enrol(index int) *lane {
	l := w.trace.lane(index, worker, syscall.Gettid())
	l.delays = len(w.plan.Strategy) > 7 || w.count <= 1000 // of many threads the file in /proc takes as long as they do
	l.before = counters(l.delays)
	return l
}

// Opens a span; nil if there was no room.
func (t *task) open(step int) (span *spanRecord) {
	t.record.step = uint32(step + 1)
	if t.lane != nil {
		return t.lane.open(t, step)
	}
	span = t.work.lanes[procPin()].open(t, step)
	procUnpin()
	return span
}

func (l *lane) open(t *task, step int) *spanRecord {
	if l.begun == len(l.spans) {
		l.record.dropped++
		return nil
	}
	span := &l.spans[l.begun]
	l.begun++
	span.task, span.step, span.start = uint32(t.number), uint32(step), t.now
	store(&l.record.spans, int64(l.begun))
	return span
}

func (t *task) shut(span *spanRecord) {
	t.now = clock()
	if span != nil {
		store(&span.end, t.now)
	}
}

// False: no task is to begin any more.
func (t *task) begin() bool {
	if t.work.halted.Load() {
		return false
	}
	l := t.lane
	if l == nil {
		l = t.work.lanes[procPin()]
		procUnpin()
	}
	t.now = clock()
	t.record.lane = l.index
	store(&t.record.start, t.now)
	return true
}

func (t *task) fail(problem error) {
	t.now = clock()
	t.work.fail(problem, t.number, t.work.trace.stepOf(t.number))
	t.record.outcome = failed
}

func (t *task) end() {
	if t.record.outcome != failed {
		t.record.outcome = done
	}
	store(&t.record.end, t.now)
	if t.lane != nil {
		t.lane.record.ended++
		return
	}
	t.work.lanes[procPin()].record.ended++
	procUnpin()
}

// Writes what the kernel counted for this thread; only the thread itself can ask. Of a processor it counts nothing.
func (l *lane) close() {
	now, record := counters(l.delays), l.record
	record.cpu = now[0] - l.before[0]
	if record.delay = now[1] - l.before[1]; now[1] < 0 {
		record.delay = -1 // all bits: unknown
	}
	record.voluntary = uint32(now[2] - l.before[2])
	record.involuntary = uint32(now[3] - l.before[3])
	record.closed = 1
}

// Of this thread: processor time, time ready without a processor (-1: not known), voluntary and involuntary switches.
func counters(delays bool) [4]int64 {
	const thread = 1 // RUSAGE_THREAD, getrusage(2)
	var usage syscall.Rusage
	syscall.Getrusage(thread, &usage)
	delay := int64(-1)
	if delays {
		text, err := os.ReadFile("/proc/thread-self/schedstat")
		if words := strings.Fields(string(text)); err == nil && len(words) > 1 {
			delay, _ = strconv.ParseInt(words[1], 10, 64)
		}
	}
	return [4]int64{usage.Utime.Nano() + usage.Stime.Nano(), delay, usage.Nvcsw, usage.Nivcsw}
}

// ---------------------------------------------------------------------------------------------------------------------
// 4. Semaphores, first come first served: a unit that is given back goes to the one who has waited longest. A channel is
//    one of Go's, which serves in the same order.

type semaphore struct {
	door  sync.Mutex
	units int
	queue []chan struct{}
}

func (s *semaphore) acquire(w *work) {
	s.door.Lock()
	w.moves.Add(1)
	if s.units > 0 {
		s.units--
		s.door.Unlock()
		return
	}
	turn := make(chan struct{}, 1)
	s.queue = append(s.queue, turn)
	w.waiting.Add(1)
	s.door.Unlock()
	<-turn
}

func (s *semaphore) release(w *work) {
	s.door.Lock()
	w.moves.Add(1)
	if len(s.queue) > 0 {
		w.waiting.Add(-1)
		s.queue[0] <- struct{}{}
		s.queue = s.queue[1:]
	} else {
		s.units++
	}
	s.door.Unlock()
}

// ---------------------------------------------------------------------------------------------------------------------
// 5. HTTP by Go's own client, commands, failures.

type stepFailed struct{ kind, text string }

func (f *stepFailed) Error() string { return f.text }

type failure struct {
	Kind  string `json:"kind"`
	Text  string `json:"text"`
	Count int    `json:"count"`
	Task  int    `json:"task"`
	Step  *int   `json:"step"`
}

func (w *work) fail(problem error, number, at int) {
	kind := "error"
	var known *stepFailed
	if errors.As(problem, &known) {
		kind = known.kind
	}
	w.door.Lock()
	defer w.door.Unlock()
	if one := w.failures[kind]; one != nil {
		one.Count++
		return
	}
	one := &failure{Kind: kind, Text: problem.Error(), Count: 1, Task: number}
	if at >= 0 {
		one.Step = &at
	}
	w.failures[kind] = one
}

// One request, its answer read to the end. The client keeps connections, and asks again by itself where that does no harm.
func (w *work) ask(r *request) error {
	fail := func(kind, text string) error { return &stepFailed{kind, r.Method + " " + r.Url + ": " + text} }
	var body io.Reader
	if r.Body != nil {
		body = strings.NewReader(*r.Body)
	}
	asked, err := http.NewRequest(r.Method, r.Url, body)
	if err != nil {
		return fail("bad-answer", err.Error())
	}
	for _, header := range r.Headers {
		if strings.EqualFold(header[0], "Host") {
			asked.Host = header[1]
		} else {
			asked.Header.Add(header[0], header[1])
		}
	}
	answer, err := w.client.Do(asked)
	if err == nil {
		_, err = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
	if err != nil {
		kind := kindOf(err)
		if kind == "timeout" {
			return fail(kind, "no answer in time")
		}
		return fail(kind, err.Error())
	}
	if answer.StatusCode >= 400 {
		return fail("status-"+strconv.Itoa(answer.StatusCode), "status "+strconv.Itoa(answer.StatusCode))
	}
	return nil
}

// Why there was no answer, as the one word that all runners have for it.
func kindOf(err error) string {
	var dns *net.DNSError
	var timed interface{ Timeout() bool }
	var dial *net.OpError
	switch {
	case errors.As(err, &timed) && timed.Timeout():
		return "timeout"
	case errors.As(err, &dns):
		return "dns"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "lost"
	case errors.As(err, &dial):
		return "connect"
	}
	return "bad-answer"
}

func execute(words []string) error {
	command := exec.Command(words[0], words[1:]...)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	err := command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		how := fmt.Sprintf("exit code %d", exit.ExitCode())
		if status, is := exit.Sys().(syscall.WaitStatus); is && status.Signaled() {
			how = fmt.Sprintf("signal %d", status.Signal())
		}
		return &stepFailed{"exit", fmt.Sprintf("`%s` ended with %s", words[0], how)}
	}
	if err != nil {
		return &stepFailed{"exit", fmt.Sprintf("`%s` cannot be started: %v", words[0], err)}
	}
	return nil
}

// ---------------------------------------------------------------------------------------------------------------------
// 6. The conversation, and a run as it sees it.

type refusal struct{ Code, Text, Place string }

func (r *refusal) Error() string { return r.Text }

var output *os.File

func say(message any) {
	line, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	output.Write(append(line, '\n'))
}

func refuse(problem error) {
	known := &refusal{"refused", problem.Error(), ""}
	errors.As(problem, &known)
	say(map[string]any{"error": map[string]any{"code": known.Code, "text": known.Text, "place": known.Place}})
	vanish()
}

// Kills all that was started: the runner leads the process group that holds it.
func vanish() {
	if group, err := syscall.Getpgid(0); err == nil && group == os.Getpid() {
		syscall.Kill(-group, syscall.SIGKILL)
	}
	os.Exit(1)
}

type moment struct {
	ns           int64
	user, system int64
}

func mark() moment {
	at := moment{ns: clock()}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		syscall.Getrusage(who, &usage)
		at.user += usage.Utime.Nano()
		at.system += usage.Stime.Nano()
	}
	return at
}

// A run: set-up, work, tear-down; and the one who says `done`, be it the work itself or who gave it up.
type run struct {
	work     *work
	once     sync.Once
	marks    []moment
	door     sync.Mutex
	ended    int64
	stopped  bool
	said     atomic.Bool
	deadlock []map[string]int
	notes    []string
}

func (r *run) mark() {
	r.door.Lock()
	r.marks = append(r.marks, mark())
	r.door.Unlock()
}

func (r *run) start() {
	w := r.work
	r.mark()
	begin, end := strategies[w.plan.Strategy].start(w)
	runtime.GC() // what set-up left behind would bring a collection into the midst of short work
	r.mark()
	w.begun = r.marks[1].ns
	go r.watch()
	begin()
	r.mark()
	r.ended = max(w.trace.lastEnd(), w.begun)
	if w.halted.Load() || w.count == 0 {
		r.ended = max(r.ended, r.marks[2].ns)
	}
	end()
	r.mark()
	r.once.Do(func() { r.conclude(); r.wait() })
}

func (r *run) wait() {
	select {} // the end of input ends us
}

// Looks whether all who could go on wait for each other, twice in the same way.
func (r *run) watch() {
	w := r.work
	before, stuck := int64(-1), false
	for range time.Tick(100 * time.Millisecond) {
		flying, moves := w.flying(), w.moves.Load()
		s := strategies[w.plan.Strategy]
		full := s.pools && int(flying) == w.needs || int(w.next.Load()) >= w.count
		now := flying > 0 && flying == w.waiting.Load() && full && moves == before
		before = moves
		if now && stuck {
			for number := 0; number < w.count && len(r.deadlock) < 20; number++ {
				if begun, ended := w.trace.times(number); begun != 0 && ended == 0 {
					r.deadlock = append(r.deadlock, map[string]int{"task": number, "step": w.trace.stepOf(number)})
				}
			}
			r.giveUp("")
			return
		}
		stuck = now
	}
}

func (r *run) stop() {
	if r.stopped {
		return
	}
	r.stopped = true
	r.work.halted.Store(true)
	close(r.work.halt)
	time.AfterFunc(time.Duration(r.work.plan.Limits.GraceNs), func() {
		r.giveUp("stopped before every task under way had ended")
	})
}

// Says `done` although the work is not, and ends everything.
func (r *run) giveUp(note string) {
	r.once.Do(func() {
		if note != "" {
			r.notes = append(r.notes, note)
		}
		for len(r.marks) < 2 {
			r.mark()
		}
		r.ended = clock()
		for len(r.marks) < 4 {
			r.mark()
		}
		r.conclude()
		vanish()
	})
}

func (r *run) conclude() {
	r.door.Lock()
	defer r.door.Unlock()
	w, m := r.work, r.marks
	phase := func(start, end int64, from, to moment) map[string]any {
		cpu := map[string]int64{"user_ns": to.user - from.user, "system_ns": to.system - from.system}
		return map[string]any{"start_ns": start, "end_ns": end, "cpu": cpu}
	}
	working := phase(m[1].ns, r.ended, m[1], m[2])
	// Processor time is read when the end is noticed, and never more than there was.
	spent := m[2].user + m[2].system - m[1].user - m[1].system
	wall := r.ended - m[1].ns
	if m[2].ns-r.ended > wall/20+1_000_000 {
		working["cpu"] = nil
	} else if most := wall * int64(runtime.NumCPU()); spent > most {
		user := (m[2].user - m[1].user) * most / spent
		working["cpu"] = map[string]int64{"user_ns": user, "system_ns": most - user}
	}
	failures := []*failure{}
	for _, one := range w.failures {
		failures = append(failures, one)
	}
	sort.Slice(failures, func(a, b int) bool { return failures[a].Count > failures[b].Count })
	vars := []map[string]any{}
	for index, one := range w.plan.Vars {
		vars = append(vars, map[string]any{"name": one.Name, "value": atomic.LoadInt64(&w.vars[index]), "by_process": []int{}})
	}
	if r.deadlock == nil {
		r.deadlock = []map[string]int{}
	}
	r.said.Store(true)
	say(map[string]any{"done": map[string]any{
		"phases": map[string]any{
			"setup": phase(m[0].ns, m[1].ns, m[0], m[1]), "work": working,
			"teardown": phase(r.ended, max(r.ended, m[3].ns), m[2], m[3]),
		},
		"failures": failures, "vars": vars, "deadlock": r.deadlock, "result_hash": nil, "notes": append([]string{}, r.notes...),
	}})
}

var stepNames = []string{"cpu", "wait", "block", "hold", "send", "receive", "read", "write", "update", "http", "run", "allocate",
	"repeat", "yield", "fail", "crash"}

// A repetition of so few steps is written out: a task that sleeps within is a frame lighter.
const unrolled = 64

func compile(raw []json.RawMessage, rate float64) ([]step, error) {
	var steps []step
	for _, text := range raw {
		var one struct {
			Id     int
			Action json.RawMessage
		}
		if err := json.Unmarshal(text, &one); err != nil {
			return nil, err
		}
		var name string
		var fields map[string]json.RawMessage
		if json.Unmarshal(one.Action, &name) != nil {
			if err := json.Unmarshal(one.Action, &fields); err != nil {
				return nil, err
			}
			for key := range fields {
				name = key
			}
		}
		if !slices.Contains(stepNames, name) {
			why := fmt.Sprintf("Go cannot do the step `%s`", name)
			if name == "call" {
				why += ", a function of Python: use python3"
			}
			return nil, &refusal{"unsupported", why, fmt.Sprintf("step %d", one.Id)}
		}
		made, err := fill(step{id: one.Id, name: name, column: -1}, fields[name], rate)
		if err != nil {
			return nil, err
		}
		if name == "repeat" && made.value*int64(len(made.steps)) <= unrolled {
			for range made.value {
				steps = append(steps, made.steps...)
			}
		} else {
			steps = append(steps, made)
		}
	}
	return steps, nil
}

func fill(made step, text json.RawMessage, rate float64) (step, error) {
	if text == nil {
		return made, nil
	}
	var value struct {
		amount
		request
		Resource, Channel, Var, Count, Add, Bytes int64
		Steps                                     []json.RawMessage
		Program, Why                              string
		Args                                      []string
	}
	if err := json.Unmarshal(text, &value); err != nil {
		return made, err
	}
	made.object = int(value.Resource + value.Channel + value.Var)
	made.value = value.Count + value.Add + value.Bytes
	made.words = append([]string{value.Program + value.Why}, value.Args...)
	made.request = &value.request
	if value.Ns != nil {
		made.value = *value.Ns
	}
	if value.Column != nil {
		made.column = *value.Column
	}
	var err error
	made.steps, err = compile(value.Steps, rate)
	return made, err
}

func prepare(p plan) (*work, error) {
	if p.Protocol != protocol {
		return nil, &refusal{"protocol", fmt.Sprintf("the plan speaks version %d, this runner %d: use those of one maitred", p.Protocol, protocol), ""}
	}
	s, known := strategies[p.Strategy]
	if !known {
		return nil, &refusal{"unsupported", fmt.Sprintf("Go has no strategy `%s`: use sequential, threads, thread-pool or async-pool", p.Strategy), ""}
	}
	w := &work{plan: p, halt: make(chan bool), failures: map[string]*failure{}}
	if w.plan.Calibration == nil {
		rate := calibrate()
		w.plan.Calibration = &rate
	}
	w.rate = *w.plan.Calibration
	for _, program := range p.Programs {
		steps, err := compile(program.Steps, w.rate)
		if err != nil {
			return nil, err
		}
		w.programs = append(w.programs, steps)
	}
	for _, group := range p.Groups {
		w.count += group.Count
	}
	for _, one := range p.Resources {
		w.sems = append(w.sems, semaphore{units: one.Capacity})
	}
	for _, one := range p.Channels {
		w.chans = append(w.chans, make(chan struct{}, one.Capacity))
	}
	for _, one := range p.Vars {
		w.vars = append(w.vars, one.Initial)
	}
	if p.Columns != nil {
		bytes, err := os.ReadFile(p.Columns.Path)
		if err != nil {
			return nil, err
		}
		w.columns = unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(bytes))), len(bytes)/8)
	}
	if err := w.sortArrivals(); err != nil {
		return nil, err
	}
	timeout := int64(30e9)
	if text := p.Options["http-timeout-ns"]; text != "" {
		timeout, _ = strconv.ParseInt(text, 10, 64)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: math.MaxInt, DisableCompression: true}
	w.client = &http.Client{Transport: transport, Timeout: time.Duration(timeout), CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	var err error
	if w.trace, err = openTrace(p.TracePath); err != nil {
		return nil, &refusal{"protocol", err.Error(), ""}
	}
	if w.needs = s.lanes(w); len(w.trace.lanes) < w.needs || len(w.trace.tasks) < w.count {
		return nil, &refusal{"protocol", fmt.Sprintf("the trace file has room for %d lanes and %d tasks: %d and %d are needed",
			len(w.trace.lanes), len(w.trace.tasks), w.needs, w.count), ""}
	}
	return w, nil
}

// Tasks in the order of arrival, then of number.
func (w *work) sortArrivals() error {
	if !slices.ContainsFunc(w.plan.Groups, func(group group) bool { return string(group.Arrivals) != `"at-once"` }) {
		return nil
	}
	for _, group := range w.plan.Groups {
		var at struct {
			Every  *int64 `json:"every-ns"`
			Column *int   `json:"column"`
		}
		if string(group.Arrivals) != `"at-once"` {
			if err := json.Unmarshal(group.Arrivals, &at); err != nil {
				return err
			}
		}
		for i := range group.Count {
			one := arrival{number: group.First + i}
			if at.Every != nil {
				one.ns = int64(i) * *at.Every
			} else if at.Column != nil {
				one.ns = w.drawn(*at.Column, one.number, 0)
			}
			w.order = append(w.order, one)
		}
	}
	sort.SliceStable(w.order, func(a, b int) bool { return w.order[a].ns < w.order[b].ns })
	return nil
}

func ready(rate float64, described bool) map[string]any {
	offers := []map[string]any{{"name": "sequential"}, {"name": "threads"}, {"name": "thread-pool"},
		{"name": "async-pool", "stalls": false, "fixed_thread": false}}
	facts, cost := [][2]string{}, any(nil)
	if described {
		path, _ := os.Executable()
		facts = append(facts, [2]string{"executable", path}, [2]string{"GOGC", os.Getenv("GOGC")})
		cost = spanCost()
	}
	return map[string]any{"ready": map[string]any{
		"protocol": protocol, "runtime": "go", "version": strings.TrimPrefix(runtime.Version(), "go"), "build": runtime.GOARCH,
		"strategies": offers, "steps": stepNames, "pid": os.Getpid(), "calibration": rate, "span_cost_ns": cost, "facts": facts,
	}}
}

// What recording one span costs, its clock reading included: the least of several tries.
func spanCost() float64 {
	const count = 2000
	t := &trace{lanes: make([]laneRecord, 1), tasks: make([]taskRecord, 1), spans: make([]spanRecord, count), room: count}
	w, best := &work{trace: t}, math.Inf(1)
	for range 20 {
		w.lanes = make([]*lane, runtime.GOMAXPROCS(0))
		for index := range w.lanes {
			w.lanes[index] = t.lane(0, loop, 0)
		}
		one := task{work: w, record: &t.tasks[0], now: clock()}
		begun := one.now
		for range count {
			one.shut(one.open(1))
		}
		best = min(best, float64(clock()-begun)/count)
	}
	return best
}

// Gives back the pages of this program's own text, which come again where they are used: what only the start needed, as the
// set-up of an HTTP client that the plan may not want, is no memory of the tasks.
func forgetStart() {
	maps, _ := os.ReadFile("/proc/self/maps")
	path, _ := os.Executable()
	for _, line := range strings.Split(string(maps), "\n") {
		var from, to uintptr
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[5] != path || fields[1] != "r-xp" {
			continue // what was ever written to would be lost
		}
		if _, err := fmt.Sscanf(fields[0], "%x-%x", &from, &to); err == nil {
			syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED)
		}
	}
}

func converse() error {
	var current *run
	going := false
	// A read that waits in the kernel keeps one of Go's processors until its monitor takes that away, milliseconds into the
	// work. One that its poller waits for keeps none.
	syscall.SetNonblock(0, true)
	input := bufio.NewReader(os.NewFile(0, "commands"))
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			if going && !current.said.Load() {
				vanish()
			}
			return nil
		}
		var command map[string]json.RawMessage
		quoted := string(line[:min(len(line)-1, 200)])
		if json.Unmarshal(line, &command) != nil || len(command) != 1 {
			return &refusal{"protocol", "this line is not a command: " + quoted, quoted}
		}
		switch {
		case command["describe"] != nil && current == nil:
			say(ready(calibrate(), true))
		case command["plan"] != nil && current == nil:
			var p plan
			if err := json.Unmarshal(command["plan"], &p); err != nil {
				return &refusal{"protocol", "the plan cannot be read: " + err.Error(), ""}
			}
			w, err := prepare(p)
			if err != nil {
				return err
			}
			current = &run{work: w}
			forgetStart()
			say(ready(w.rate, false))
		case command["go"] != nil && current != nil && !going:
			going = true
			go current.start()
		case command["stop"] != nil && going:
			current.stop()
		default:
			return &refusal{"protocol", "this line is not a command, or not now: " + quoted, quoted}
		}
	}
}

// Moves the real standard output aside, so that nothing else can be taken for a reply.
func main() {
	fd, err := syscall.Dup(1)
	if err == nil {
		err = syscall.Dup3(2, 1, 0)
	}
	if err != nil {
		os.Exit(1)
	}
	syscall.CloseOnExec(fd)
	output = os.NewFile(uintptr(fd), "replies")
	if err := converse(); err != nil {
		refuse(err)
	}
}
