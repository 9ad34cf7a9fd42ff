%% The Erlang runner of maitred: carries out one plan under one strategy and records what each lane and task did.
%%
%% It speaks JSON lines (runtimes/PROTOCOL.md) and needs nothing but what comes with Erlang/OTP 25 or later. A task is a
%% process under async-pool, and one process does all of them under sequential. A lane is a scheduler: processes move from
%% one to another, also in the midst of a step. A task only notes when each of its steps has ended, one word in an array of
%% atomics; a process of its own makes the records of the trace of that, in batches, since a write to a file goes by way of
%% another thread.
%%
%%  1. the strategies      3. the trace                       5. HTTP, commands, failures
%%  2. the steps           4. waiting for each other          6. the conversation with maitred, and JSON
-module(maitred_runner).
-export([main/0]).

-define(PROTOCOL, 2).
%% What all tasks share. It is kept as a persistent term: what is sent to a process is copied into it.
-record(work, {strategy, workers, count, order, ends, others, rate, columns, specs, width, grace, clerk, trace,
               tally, vars, gates, channels, tls, timeout}).
-define(CHUNK, 256). % tasks of one group that are looked at together
%% Tasks of one program; of each so many readings are kept, and that of its begin. The first one's are at `at` of all.
%% Most often one span ends with a reading, and begins with the one before: `words` has the first word of its record, by place.
-record(group, {first, count, steps, size, last, at, chunk, words = {}}).
-record(task, {number, steps, size, last, at, chunk}).
-record(trace, {path, lanes, room, lanes_at, tasks_at, spans_at, groups,
                since,    % what times are counted from
                readings, % of each task, one after another: when it began, and when its steps ended, as far as there is room
                changes}). % how often tasks of each chunk have noted something
%% What the scribe knows: of each task of a chunk how many readings, negative when it has ended, or one number where that is the
%% same of all; of a lane what was written, the spans that are still to be, and when the last task there has ended.
-record(chunk, {index, first, count, change = 0, known = 0}).
-record(lane, {spans = <<>>, written = 0, dropped = 0, ended = 0, last = 0}).
%% So many words are a cache line: what several schedulers write to has one for itself.
-define(WIDE, 8).
%% Places in the tally.
-define(FLYING, 1 * ?WIDE).  % tasks under way, where no other can begin before one of them has ended
-define(WAITING, 2 * ?WIDE).
-define(MOVES, 3 * ?WIDE).   % steps in which tasks could wait for each other
-define(HALTED, 4 * ?WIDE).
-define(NEXT, 5 * ?WIDE).    % tasks that were begun, or passed over
-define(ANSWERS, 6 * ?WIDE). % of servers that were asked: without one no connection can have been kept
-define(BEGUN, 7 * ?WIDE).   % when the work began
-define(LEFT, 8 * ?WIDE).    % tasks that have not come to their end, where they are counted

%% CLOCK_MONOTONIC in nanoseconds on Linux, the clock of everything that is recorded: monotonic_time counts from elsewhere.
clock() -> os:perf_counter().

%% ---------------------------------------------------------------------------------------------------------------------
%% 1. Strategies: each hands out the tasks in their order, and returns when all that were begun have ended.

hand_out(#work{strategy = <<"sequential">>} = W) -> atomics:put(W#work.tally, ?FLYING, 1), in_turn(W, W#work.order);
hand_out(W) ->
    atomics:put(W#work.tally, ?LEFT, W#work.count),
    spread(W#work{others = processes()}, W#work.order, 0, 0).

%% One process does one task after another; another takes its place when it is killed.
in_turn(W, Order) ->
    {Pid, Monitor} = spawn_monitor(fun() -> take_all(W, Order) end),
    await_turn(W, Pid, Monitor).

await_turn(W, Pid, Monitor) ->
    receive
        {'DOWN', Monitor, process, Pid, killed} ->
            Number = atomics:get(W#work.tally, ?NEXT) - 1,
            lost(W, number_at(W#work.order, Number)),
            in_turn(W, lists:foldl(fun(_, Left) -> element(3, next(Left)) end, W#work.order, lists:seq(0, Number)));
        {'DOWN', Monitor, process, Pid, _} -> ok;
        halt -> Pid ! halt, await_turn(W, Pid, Monitor)
    end.

take_all(W, Order) ->
    case next(Order) of
        none -> ok;
        {Due, Number, Rest} ->
            case wait_for(W, Due) of
                true ->
                    atomics:add(W#work.tally, ?NEXT, 1),
                    perform(W, Number),
                    take_all(W, Rest);
                false -> ok
            end
    end.

%% Until a task is due; false: no more are to begin.
wait_for(W, Due) ->
    case halted(W) of
        true -> false;
        false when Due =:= 0 -> true;
        false ->
            Left = atomics:get(W#work.tally, ?BEGUN) + Due - clock(),
            if Left =< 0 -> true;
               true -> receive halt -> false after whole_ms(Left) -> true end
            end
    end.

%% Every task has a process. After so many it is looked which have ended, and whether to go on.
-define(UNSEEN, 256).

spread(W, Order, Alive, Begun) when Alive >= W#work.width -> spread(W, Order, Alive - await_end(W, Alive), Begun);
spread(W, Order, Alive, ?UNSEEN) ->
    Left = Alive - bury(W, 0, 0),
    case halted(W) of
        true -> bury_all(W, Left);
        false -> spread(W, Order, Left, 0)
    end;
spread(W, Order, Alive, Begun) ->
    case next(Order) of
        none -> bury_all(W, Alive);
        {Due, Number, Rest} ->
            case Due =:= 0 orelse wait_for(W, Due) of
                true ->
                    begin_task(W#work.ends, Number),
                    spread(W, Rest, Alive + 1, Begun + 1);
                false -> bury_all(W, Alive)
            end
    end.

%% How the end of a task is known. Where nothing ends it but its own steps, it counts itself, and the last one tells: that costs
%% less than a monitor. Who may be killed says by his end who he was, which costs as much as to note a step.
begin_task(counted, Number) ->
    Hands = self(),
    spawn(fun() ->
        #work{tally = Tally} = W = persistent_term:get(work),
        perform(W, Number),
        case atomics:sub_get(Tally, ?LEFT, 1) of 0 -> Hands ! all_ended; _ -> ok end
    end);
begin_task(monitored, Number) -> spawn_monitor(fun() -> perform(persistent_term:get(work), Number) end);
begin_task(named, Number) ->
    spawn_opt(fun() -> perform(persistent_term:get(work), Number) end, [{monitor, [{tag, {ended, Number}}]}]).

bury_all(#work{ends = counted, count = Count} = W, Begun) ->
    case atomics:sub_get(W#work.tally, ?LEFT, Count - Begun) of 0 -> ok; _ -> await_last(W) end;
bury_all(_, 0) -> ok;
bury_all(W, Alive) -> bury_all(W, Alive - await_end(W, Alive)).

%% A limit that Erlang was started with (+hmax) kills also who is counted: when all processes have gone that were not there
%% before, who is open is lost.
await_last(#work{tally = Tally, others = Others} = W) ->
    receive all_ended -> ok
    after 1000 ->
        HaveGone = erlang:system_info(process_count) < 2 * length(Others) andalso processes() -- Others =:= [],
        case HaveGone andalso atomics:get(Tally, ?LEFT) > 0 of
            true -> [lost(W, Number) || #{task := Number} <- open_tasks(W, 0)], ok;
            false -> await_last(W)
        end
    end.

%% Waits until one has ended, or more; the number of those.
await_end(W, Alive) ->
    case bury(W, 0, 0) of
        0 -> atomics:put(W#work.tally, ?FLYING, Alive), bury(W, infinity, 0);
        Ended -> Ended
    end.

%% Takes note of processes that ended; the number of those.
bury(W, Patience, Ended) ->
    receive
        {'DOWN', _, process, _, _} -> bury(W, 0, Ended + 1);
        {{ended, Number}, _, process, _, killed} -> lost(W, Number), bury(W, 0, Ended + 1);
        {{ended, _}, _, process, _, _} -> bury(W, 0, Ended + 1)
    after Patience -> Ended
    end.

%% A task whose process was killed: it stays open in the trace.
lost(W, Number) ->
    W#work.clerk ! {failed, <<"crash">>, <<"its process was killed, and none beside it">>, Number, step_of(W, task_of(W, Number))}.

%% Tasks in the order of arrival, then of number: ranges where all come at once, else when and who.
next([]) -> none;
next([{range, First, 1} | Rest]) -> {0, First, Rest};
next([{range, First, Count} | Rest]) -> {0, First, [{range, First + 1, Count - 1} | Rest]};
next([{Due, Number} | Rest]) -> {Due, Number, Rest}.

number_at(Order, 0) -> element(2, next(Order));
number_at(Order, Index) -> number_at(element(3, next(Order)), Index - 1).

%% ---------------------------------------------------------------------------------------------------------------------
%% 2. A task and its steps. When a step ended is noted, and that is when the next one begins: n steps take n + 1 readings of
%%    the clock.

perform(W, Number) ->
    case halted(W) of
        true -> ok;
        false ->
            #task{steps = Steps} = Task = task_of(W, Number),
            note(W, Task, 0),
            try run(W, Task, 1, Steps)
            catch
                throw:{failed, Kind, Text} -> fail(W, Task, Kind, Text);
                error:system_limit -> fail(W, Task, <<"memory">>, <<"Erlang has no room for what was asked">>);
                _:Reason -> fail(W, Task, <<"error">>, text("~0p", [Reason]))
            end,
            erase() % what it allocated was kept until here
    end.

fail(W, #task{number = Number} = Task, Kind, Text) -> W#work.clerk ! {failed, Kind, Text, Number, step_of(W, Task)}.

%% Steps, the first of which notes its end in this place.
run(_, _, _, []) -> ok;
run(W, Task, Place, [{_, 1, wait, Ns} | Rest]) when is_integer(Ns) ->
    receive after whole_ms(Ns) -> ok end,
    note(W, Task, Place),
    run(W, Task, Place + 1, Rest);
run(W, Task, Place, [{_, Size, hold, {Gate, Steps}} | Rest]) ->
    take(Gate, held),
    note(W, Task, Place),
    %% What is done meanwhile has noted its end before this is given back: the next one cannot have it any earlier.
    try run(W, Task, Place + 1, Steps) after give(Gate, self()) end,
    run(W, Task, Place + Size, Rest);
run(W, Task, Place, [{_, Size, repeat, {Count, Each, Steps}} | Rest]) ->
    repeat(W, Task, Place, Each, Steps, Count),
    run(W, Task, Place + Size, Rest);
run(W, Task, Place, [{Id, 1, Name, What} | Rest]) ->
    try do(W, Task#task.number, Id, Name, What)
    catch Class:Reason:Stack ->
        note_failed(W, Task, Place),
        erlang:raise(Class, Reason, Stack)
    end,
    note(W, Task, Place),
    run(W, Task, Place + 1, Rest).

repeat(_, _, _, _, _, 0) -> ok;
repeat(W, Task, Place, Each, Steps, Count) ->
    run(W, Task, Place, Steps),
    repeat(W, Task, Place + Each, Each, Steps, Count - 1).

do(W, Number, Id, wait, Amount) -> receive after whole_ms(amount(W, Number, Id, Amount)) -> ok end;
do(W, Number, Id, cpu, Amount) -> compute(round(amount(W, Number, Id, Amount) * W#work.rate / 1.0e9), 1);
%% What blocks a thread is done by one of those that Erlang has for it, ten by default.
do(W, Number, Id, block, Amount) -> block_until(clock() + amount(W, Number, Id, Amount));
do(_, _, _, yield, _) -> erlang:yield();
do(_, _, _, send, {Free, Items}) -> take(Free, sent), give(Items, sent);
do(_, _, _, 'receive', {Free, Items}) -> take(Items, sent), give(Free, sent);
do(W, _, _, read, Var) -> put(register, atomics:get(W#work.vars, Var));
do(W, _, _, write, {Var, Add}) -> atomics:put(W#work.vars, Var, register() + Add);
do(W, _, _, update, {Var, Add}) -> put(register, atomics:add_get(W#work.vars, Var, Add));
do(_, _, _, allocate, Bytes) -> put(kept, [binary:copy(<<1>>, Bytes) | case get(kept) of undefined -> []; Kept -> Kept end]);
do(W, _, _, http, Request) -> ask(W, Request);
do(_, _, _, run, Words) -> execute(Words);
do(_, _, _, fail, Why) -> throw({failed, <<"fail">>, Why});
do(_, _, _, crash, _) -> exit(self(), kill), receive after infinity -> ok end.

register() -> case get(register) of undefined -> 0; Value -> Value end.

%% The duration of a step: the same for all tasks, or the next one of the task's column.
amount(_, _, _, Ns) when is_integer(Ns) -> Ns;
amount(W, Number, Id, Column) ->
    Turn = case get({turn, Id}) of undefined -> 0; Before -> Before end,
    put({turn, Id}, Turn + 1),
    drawn(W#work.columns, Column, Number, Turn).

drawn(Columns, {Offset, First, PerTask}, Number, Turn) ->
    binary:decode_unsigned(binary:part(Columns, 8 * (Offset + (Number - First) * PerTask + Turn), 8), little).

%% Timers of Erlang count whole milliseconds.
whole_ms(Ns) -> (Ns + 999999) div 1000000.

block_until(End) ->
    case End - clock() of
        Left when Left > 0 -> erts_debug:dirty_io(wait, whole_ms(Left)), block_until(End);
        _ -> ok
    end.

%% The work of a cpu step, each turn of which needs the one before (a linear congruential generator that stays within the
%% integers which need no memory).
compute(0, X) -> X;
compute(Units, X) -> compute(Units - 1, (X * 69069 + 1) band 16#7ffffff).

%% Units of compute in a second: the best of many slices, since others only slow them.
calibrate() -> calibrate(1000, 0.0, clock() + 60000000).
calibrate(Units, Best, Until) ->
    Begun = clock(),
    compute(Units, 1),
    End = clock(),
    Took = max(1, End - Begun),
    Rate = max(Best, Units * 1.0e9 / Took),
    if End >= Until -> Rate;
       true -> calibrate(if Took < 1000000 -> Units * 2; true -> Units end, Rate, Until)
    end.

%% ---------------------------------------------------------------------------------------------------------------------
%% 3. The trace (crates/wire/src/trace_file.rs): noted in atomics, and written to the file in batches.

open_trace(Path, Lanes, Tasks) ->
    case file:open(Path, [raw, binary, read]) of
        {ok, File} -> layout(Path, file:pread(File, 0, 56), Lanes, Tasks);
        {error, Why} -> refuse(protocol, text("the trace file ~s cannot be opened: ~0p", [Path, Why]))
    end.

layout(Path, {ok, <<"MAITREDT", ?PROTOCOL:32/little, HasLanes:32/little, HasTasks:32/little, Room:32/little, LanesAt:64/little,
                    TasksAt:64/little, SpansAt:64/little, _:64>>}, Lanes, Tasks) when HasLanes >= Lanes, HasTasks >= Tasks ->
    #trace{path = Path, lanes = Lanes, room = Room, lanes_at = LanesAt, tasks_at = TasksAt, spans_at = SpansAt};
layout(Path, _, Lanes, Tasks) ->
    refuse(protocol, text("~s is no trace file of version ~b with room for ~b lanes and ~b tasks: use the runner of this maitred",
                          [Path, ?PROTOCOL, Lanes, Tasks])).

%% Room for what tasks note: for all, or where that is more than the file takes for the first ones, and of long ones for a part.
prepare_trace(#trace{lanes = Lanes, room = Room} = T, Groups) ->
    Most = Lanes * Room div max(1, min(1000, lists:sum([Count || #group{count = Count} <- Groups]))),
    {Placed, {Words, Chunks}} = lists:mapfoldl(fun(#group{count = Count, last = Last} = Group, {At, Chunk}) ->
        {Group#group{at = At, chunk = Chunk, words = words(Group)}, {At + Count * (Last + 1), Chunk + (Count + ?CHUNK - 1) div ?CHUNK}}
    end, {1, 1}, keep(Groups, Most, Lanes * Room)),
    T#trace{since = clock() - 1, groups = Placed, readings = atomics:new(max(1, Words), [{signed, false}]),
            changes = counters:new(Chunks, [write_concurrency])}.

%% A task that does not keep all keeps its end.
keep([], _, _) -> [];
keep([#group{first = First, count = Count, size = Size} = Group | Rest], Most, Room) ->
    Each = min(Size, Most),
    Some = if Each =:= 0 -> 0; true -> min(Count, Room div Each) end,
    Parts = [Group#group{count = Some, last = min(Size, Each + 1)},
             Group#group{first = First + Some, count = Count - Some, last = min(Size, 1)}],
    [Part || Part <- Parts, Part#group.count > 0] ++ keep(Rest, Most, Room - Some * Each).

%% Of so many places at most; `several` where more than one span ends.
words(#group{size = Size, last = Last, steps = Steps}) ->
    list_to_tuple([case [span_in(Steps, Place, Cut) || Cut <- [false, true]] of
        [{Id, 0, []}, {Id, 0, []}] -> Id bsl 32;
        _ -> several
    end || Place <- lists:seq(0, min(1000, if Last =:= Size -> Size; true -> Last - 1 end) - 1)]).

task_of(#work{trace = #trace{groups = Groups}}, Number) -> task_in(group_of(Groups, Number), Number).
task_in(#group{first = First, steps = Steps, size = Size, last = Last, at = At, chunk = Chunk}, Number) ->
    #task{number = Number, steps = Steps, size = Size, last = Last, at = At + (Number - First) * (Last + 1), chunk = Chunk + (Number - First) div ?CHUNK}.

group_of([#group{first = First, count = Count} = Group | _], Number) when Number < First + Count -> Group;
group_of([_ | Rest], Number) -> group_of(Rest, Number).

%% The scheduler that this process is on, from 1: its lane.
lane() -> erlang:system_info(scheduler_id).

%% That the step in this place has ended, or in place 0 that the task has begun: when, on which lane, and whether the task has
%% failed by it. The end of the last step is kept in any case.
note(W, #task{last = Last} = Task, Place) when Place < Last -> put_reading(W, Task, Place, 0);
note(W, #task{last = Last, size = Size} = Task, Size) -> put_reading(W, Task, Last, 0);
note(_, _, _) -> ok.

note_failed(W, #task{last = Last} = Task, Place) -> put_reading(W, Task, min(Place, Last), 1).

put_reading(#work{trace = #trace{since = Since, readings = Readings, changes = Changes}}, #task{at = At, chunk = Chunk}, Place, Failed) ->
    atomics:put(Readings, At + Place, ((clock() - Since) bsl 11) bor ((lane() - 1) bsl 1) bor Failed),
    counters:add(Changes, Chunk, 1).

time_of(#trace{since = Since}, Reading) -> Since + (Reading bsr 11).
lane_of(Reading) -> (Reading bsr 1) band 16#3ff.
has_failed(Reading) -> Reading band 1 =:= 1.

%% How many readings of a task there are, those included that are known: negative when it has ended.
count_readings(_, #task{last = Last}, Known) when Known > Last -> -Known;
count_readings(T, #task{at = At} = Task, Known) ->
    case atomics:get(T#trace.readings, At + Known) of
        0 -> Known;
        Reading when Reading band 1 =:= 1 -> -Known - 1;
        _ -> count_readings(T, Task, Known + 1)
    end.

%% The step that a task with so many readings is at, or was at when it ended; null: not known.
step_at(_, 0) -> null;
step_at(Task, Known) when Known < 0 -> step_in(Task, -Known - 1);
step_at(Task, Known) -> step_in(Task, Known).
step_in(#task{size = Size, last = Last, steps = Steps}, Place) when Place > 0, Place =< Size, Place < Last orelse Last =:= Size ->
    element(1, span_in(Steps, Place - 1, false));
step_in(_, _) -> null.

step_of(#work{trace = T}, Task) -> step_at(Task, count_readings(T, Task, 0)).

%% What ends with the reading of this number among those of these steps, from 0: the span of a step, which begins at the reading
%% before or right after it, and those of the resources that are given back, each of which began so many readings before.
span_in([{_, Size, _, _} | Rest], At, Cut) when At >= Size -> span_in(Rest, At - Size, Cut);
span_in([{_, _, repeat, {_, Each, Steps}} | _], At, Cut) -> span_in(Steps, At rem Each, Cut);
span_in([{Id, Size, hold, _} | _], 0, _) -> {Id, 0, [{Id + 1, 0} || Size =:= 1]};
span_in([{Id, Size, hold, {_, Steps}} | _], At, Cut) ->
    {Step, Later, Given} = span_in(Steps, At - 1, Cut),
    %% What is held encloses what is done meanwhile, also for who sorts by time alone.
    {Step, if At =:= 1 -> 1; true -> Later end, Given ++ [{Id + 1, At} || Cut orelse At =:= Size - 1]};
span_in([{Id, _, _, _} | _], 0, _) -> {Id, 0, []}.

%% Writes into the file, which only this process has open: the lanes, and then what is new, every tenth of a second.
scribe(T, Run) ->
    {ok, File} = file:open(T#trace.path, [raw, binary, read, write]),
    Pid = list_to_integer(os:getpid()),
    write(File, [{T#trace.lanes_at + 64 * Lane, <<Pid:32/little, 0:32, 1:32/little>>} || Lane <- lists:seq(0, T#trace.lanes - 1)]),
    Run ! enrolled,
    Chunks = [#chunk{index = Chunk + At, first = First + At * ?CHUNK, count = min(?CHUNK, Count - At * ?CHUNK)}
              || #group{first = First, count = Count, chunk = Chunk} <- T#trace.groups, At <- lists:seq(0, (Count - 1) div ?CHUNK)],
    keep_writing(T, File, Chunks, erlang:make_tuple(T#trace.lanes, #lane{})).

keep_writing(T, File, Chunks, Lanes) ->
    receive
        {finish, Who} ->
            {_, Written} = write_new(T, File, Chunks, Lanes, all),
            Who ! {finished, lists:max([Last || #lane{last = Last} <- tuple_to_list(Written)])}
    after 100 ->
        {Now, Written} = write_new(T, File, Chunks, Lanes, changed),
        keep_writing(T, File, Now, Written)
    end.

%% The spans of a task that has ended are there before its end is. What has not changed is not written, and what has in as few
%% pieces as can be: on a busy machine each write takes long, by way of another thread as it goes.
write_new(T, File, Chunks, Before, Which) ->
    {Now, {Lanes, Records}} = lists:mapfoldl(fun(Chunk, Told) -> read_chunk(T, Chunk, Told, Which) end, {Before, []}, Chunks),
    New = [{At, write_spans(T, File, At, element(At + 1, Lanes))}
           || At <- lists:seq(0, T#trace.lanes - 1), element(At + 1, Lanes) =/= element(At + 1, Before)],
    write(File, [{T#trace.lanes_at + 64 * At + 16, <<Written:64/little, Dropped:64/little>>} || {At, #lane{written = Written, dropped = Dropped}} <- New]),
    write(File, lists:reverse(Records)),
    write(File, [{T#trace.lanes_at + 64 * At + 12, <<Number:32/little>>} || {At, #lane{ended = Number}} <- New]),
    {Now, lists:foldl(fun({At, Lane}, All) -> setelement(At + 1, All, Lane) end, Lanes, New)}.

write_spans(#trace{room = Room} = T, File, At, #lane{spans = Spans, written = Written, dropped = Dropped} = Lane) ->
    Count = byte_size(Spans) div 24,
    Fits = min(Count, Room - Written),
    write(File, [{T#trace.spans_at + 24 * (At * Room + Written), binary:part(Spans, 0, 24 * Fits)} || Fits > 0]),
    Lane#lane{spans = <<>>, written = Written + Fits, dropped = Dropped + Count - Fits}.

read_chunk(_, #chunk{known = done} = Chunk, Told, _) -> {Chunk, Told};
read_chunk(T, #chunk{index = Index, first = First, change = Before} = Chunk, {Lanes, Records} = Told, Which) ->
    case counters:get(T#trace.changes, Index) of
        Before when Which =:= changed -> {Chunk, Told};
        Change ->
            Group = group_of(T#trace.groups, First),
            Task = task_in(Group, First),
            Known = case Chunk#chunk.known of Same when is_integer(Same) -> lists:duplicate(Chunk#chunk.count, Same); Each -> Each end,
            {Now, Grown} = read_tasks(T, Group, First, Task#task.at, Known, 0, (element(1, Lanes))#lane.spans, Lanes, []),
            {Chunk#chunk{change = Change, known = in_short(Now)},
             {Grown, case Which =:= all orelse is_stirred(Known, Now) of
                 true -> add_records(T, Task, T#trace.tasks_at + 32 * First, Now, Records);
                 false -> Records
             end}}
    end.

in_short([One | More] = Now) ->
    IsOver = lists:all(fun(Readings) -> Readings < 0 end, Now),
    IsSame = lists:all(fun(Readings) -> Readings =:= One end, More),
    if IsOver -> done; IsSame -> One; true -> Now end.

%% Whether a task has begun or ended.
is_stirred([], []) -> false;
is_stirred([Same | Before], [Same | Now]) -> is_stirred(Before, Now);
is_stirred([Before | _], [Now | _]) when Before =:= 0; Now < 0 -> true;
is_stirred([_ | Before], [_ | Now]) -> is_stirred(Before, Now).

%% Goes through what tasks have noted since, of which each has its readings from `At`; how many are known of each now. The spans
%% of one lane are at hand, for mostly the next one is there too.
read_tasks(_, _, _, _, [], Lane, Spans, Lanes, Now) -> {lists:reverse(Now), put_spans(Lane, Spans, Lanes)};
read_tasks(T, #group{last = Last} = Group, Number, At, [Known | More], Lane, Spans, Lanes, Now) when Known < 0 ->
    read_tasks(T, Group, Number + 1, At + Last + 1, More, Lane, Spans, Lanes, [Known | Now]);
read_tasks(T, Group, Number, At, [Known | More], Lane, Spans, Lanes, Now) ->
    read_task(T, Group, Number, At, Known, none, More, Lane, Spans, Lanes, Now).

%% `Before` is the reading before those that are new, if it is at hand.
read_task(#trace{readings = Readings} = T, #group{last = Last} = Group, Number, At, Known, Before, More, Lane, Spans, Lanes, Now) ->
    case atomics:get(Readings, At + Known) of
        0 -> read_tasks(T, Group, Number + 1, At + Last + 1, More, Lane, Spans, Lanes, [Known | Now]);
        Reading ->
            case lane_of(Reading) of
                Lane -> take_reading(T, Group, Number, At, Known, Before, Reading, More, Lane, Spans, Lanes, Now);
                Other ->
                    All = put_spans(Lane, Spans, Lanes),
                    take_reading(T, Group, Number, At, Known, Before, Reading, More, Other, (element(Other + 1, All))#lane.spans, All, Now)
            end
    end.

take_reading(T, #group{last = Last} = Group, Number, At, Known, Before, Reading, More, Lane, Spans, Lanes, Now) ->
    Longer = if Known =:= 0 -> Spans; true -> add_spans(T, Group, Number, At, Known, Before, Reading, Spans) end,
    if Known =:= Last; Reading band 1 =:= 1 ->
           read_tasks(T, Group, Number + 1, At + Last + 1, More, Lane, Longer, add_end(T, Group, Lane, Reading, Lanes), [-Known - 1 | Now]);
       true -> read_task(T, Group, Number, At, Known + 1, Reading, More, Lane, Longer, Lanes, Now)
    end.

put_spans(Lane, Spans, Lanes) -> setelement(Lane + 1, Lanes, (element(Lane + 1, Lanes))#lane{spans = Spans}).

%% What ends with a reading comes behind what its lane has so far.
add_spans(#trace{readings = Readings} = T, Group, Number, At, Place, none, Reading, Spans) ->
    add_spans(T, Group, Number, At, Place, atomics:get(Readings, At + Place - 1), Reading, Spans);
add_spans(T, #group{words = Words}, Number, _, Place, Before, Reading, Spans)
        when Place =< tuple_size(Words), is_integer(element(Place, Words)) ->
    <<Spans/binary, (element(Place, Words) bor Number):64/little, (time_of(T, Before)):64/little, (time_of(T, Reading)):64/little>>;
add_spans(T, #group{last = Last, size = Size, steps = Steps}, Number, At, Place, Before, Reading, Spans)
        when Place < Last orelse Last =:= Size ->
    {Step, Later, Given} = span_in(Steps, Place - 1, has_failed(Reading)),
    add_given(T, Number, At + Place, Given, Reading, add_span(T, Number, Step, time_of(T, Before) + Later, Reading, Spans));
add_spans(_, _, _, _, _, _, _, Spans) -> Spans.

add_given(_, _, _, [], _, Spans) -> Spans;
add_given(#trace{readings = Readings} = T, Number, At, [{Id, Back} | More], Reading, Spans) ->
    add_given(T, Number, At, More, Reading, add_span(T, Number, Id, time_of(T, atomics:get(Readings, At - Back)), Reading, Spans)).

add_span(T, Number, Step, Begun, Reading, Spans) ->
    <<Spans/binary, (Number bor (Step bsl 32)):64/little, Begun:64/little, (time_of(T, Reading)):64/little>>.

%% That a task has ended: where not all that it noted was kept, so many spans are missing, or more where it failed.
add_end(T, #group{size = Size, last = Last}, At, Reading, Lanes) ->
    #lane{ended = Ended, dropped = Dropped, last = Before} = Lane = element(At + 1, Lanes),
    Missing = if Last =:= Size -> 0; Reading band 1 =:= 1 -> 1; true -> Size - Last + 1 end,
    setelement(At + 1, Lanes, Lane#lane{ended = Ended + 1, dropped = Dropped + Missing, last = max(Before, time_of(T, Reading))}).

%% Records of tasks that follow upon each other are one.
add_records(T, Task, At, Known, [{Start, Before} | More]) when Start + byte_size(Before) =:= At -> [{Start, records(T, Task, Task#task.at, Known, Before)} | More];
add_records(T, Task, At, Known, Records) -> [{At, records(T, Task, Task#task.at, Known, <<>>)} | Records].

%% `At` is where the readings of the next one are.
records(_, _, _, [], Bytes) -> Bytes;
records(T, #task{last = Last} = Task, At, [0 | More], Bytes) -> records(T, Task, At + Last + 1, More, <<Bytes/binary, 0:256>>);
records(#trace{readings = Readings} = T, #task{last = Last} = Task, At, [Known | More], Bytes) ->
    Begun = atomics:get(Readings, At),
    {End, Outcome} = if Known > 0 -> {0, 0};
                        true -> Reading = atomics:get(Readings, At - Known - 1), {time_of(T, Reading), 1 + Reading band 1} end,
    Step = case step_at(Task, Known) of null -> 0; Id -> Id + 1 end,
    records(T, Task, At + Last + 1, More,
        <<Bytes/binary, (time_of(T, Begun)):64/little, End:64/little, (lane_of(Begun)):32/little, Step:32/little, Outcome:32/little, 0:32>>).

write(File, Parts) -> ok = file:pwrite(File, Parts).

%% ---------------------------------------------------------------------------------------------------------------------
%% 4. A gate is a process that gives out units, first come first served. A channel is two of them: of free slots, and of
%%    items. What is held by a process that dies comes back.

new_gate(Units, Tally) -> spawn(fun() -> gate(Units, queue:new(), #{}, Tally) end).

gate(Units, Queue, Holders, Tally) ->
    receive
        {take, Who, How} ->
            atomics:add(Tally, ?MOVES, 1),
            case Units of
                0 -> atomics:add(Tally, ?WAITING, 1), gate(0, queue:in({Who, How}, Queue), Holders, Tally);
                _ -> gate(Units - 1, Queue, grant(Who, How, Holders), Tally)
            end;
        {give, Who} ->
            case maps:take(Who, Holders) of
                {Monitor, Left} -> demonitor(Monitor, [flush]), pass_on(Units, Queue, Left, Tally);
                error -> pass_on(Units, Queue, Holders, Tally)
            end;
        {'DOWN', _, process, Who, _} -> pass_on(Units, Queue, maps:remove(Who, Holders), Tally)
    end.

pass_on(Units, Queue, Holders, Tally) ->
    atomics:add(Tally, ?MOVES, 1),
    case queue:out(Queue) of
        {{value, {Who, How}}, Rest} ->
            atomics:sub(Tally, ?WAITING, 1),
            gate(Units, Rest, grant(Who, How, Holders), Tally);
        {empty, _} -> gate(Units + 1, Queue, Holders, Tally)
    end.

grant(Who, How, Holders) ->
    Who ! {granted, self()},
    case How of held -> Holders#{Who => monitor(process, Who)}; sent -> Holders end.

take(Gate, How) -> Gate ! {take, self(), How}, receive {granted, Gate} -> ok end.
give(Gate, Who) -> Gate ! {give, Who}.

halted(W) -> atomics:get(W#work.tally, ?HALTED) =/= 0.

answered(W) -> atomics:get(W#work.tally, ?ANSWERS) > 0.

%% ---------------------------------------------------------------------------------------------------------------------
%% 5. HTTP by Erlang's own client, commands, failures.

ask(W, Request) -> ask(W, Request, 0).

%% Until the end of a kept connection has arrived, this client sends the next request there, which nobody reads. It does not
%% say whether a connection was kept: so once there was an answer, what was lost is asked again, if that does no harm.
ask(W, {Verb, Method, Url, Headers, Body} = What, Lost) ->
    Fail = fun(Kind, Text) -> throw({failed, Kind, text("~s ~s: ~s", [Method, Url, Text])}) end,
    Request = case Body of null -> {Url, Headers}; _ -> {Url, Headers, content_type(Headers), Body} end,
    Options = [{timeout, W#work.timeout}, {connect_timeout, W#work.timeout}, {autoredirect, false}, {ssl, W#work.tls}],
    case httpc:request(Verb, Request, Options, [{body_format, binary}]) of
        {ok, {{_, Status, _}, _, _}} ->
            atomics:add(W#work.tally, ?ANSWERS, 1),
            Status < 400 orelse Fail(text("status-~b", [Status]), text("status ~b", [Status]));
        {error, Why} ->
            Again = Why =:= socket_closed_remotely andalso Lost < 5 andalso Verb =/= post andalso Verb =/= patch
                andalso answered(W),
            {Kind, Text} = kind_of(Why),
            if Again -> ask(W, What, Lost + 1); true -> Fail(Kind, Text) end
    end.

content_type(Headers) ->
    case [Value || {Name, Value} <- Headers, string:lowercase(Name) =:= "content-type"] of
        [Type | _] -> Type;
        [] -> "application/octet-stream"
    end.

%% Why there was no answer, as the one word that all runners have for it.
kind_of({failed_connect, Why}) ->
    Cause = case [Last || {Family, _, Last} <- Why, Family =/= to_address] of [One | _] -> One; [] -> unknown end,
    Text = text("~0p", [Cause]),
    case Cause of
        econnrefused -> {<<"refused">>, <<"nobody listens there">>};
        nxdomain -> {<<"dns">>, <<"there is no host of this name">>};
        etimedout -> {<<"timeout">>, <<"no connection in time">>};
        timeout -> {<<"timeout">>, <<"no connection in time">>};
        _ -> {<<"connect">>, Text}
    end;
kind_of(timeout) -> {<<"timeout">>, <<"no answer in time">>};
kind_of(socket_closed_remotely) -> {<<"lost">>, <<"the connection ended before the answer">>};
kind_of(closed) -> {<<"lost">>, <<"the connection ended before the answer">>};
kind_of(econnreset) -> {<<"lost">>, <<"the connection ended before the answer">>};
kind_of(Why) -> {<<"bad-answer">>, text("~0p", [Why])}.

start_http(Options) ->
    case application:ensure_all_started(inets) of
        {ok, _} -> ok;
        _ -> refuse(unsupported, <<"this Erlang has no HTTP client: install inets (Debian: erlang-inets)">>)
    end,
    application:ensure_all_started(ssl),
    %% As many connections as there are tasks, each kept for the next request, and no request behind another's.
    ok = httpc:set_options([{max_sessions, 1000000}, {max_keep_alive_length, 0}, {max_pipeline_length, 0}]),
    case Options of
        #{<<"tls-insecure">> := _} -> [{verify, verify_none}];
        #{<<"tls-authority">> := File} -> [{verify, verify_peer}, {cacertfile, binary_to_list(File)} | host_names()];
        _ -> [{verify, verify_peer}, {cacerts, try public_key:cacerts_get() catch _:_ -> [] end} | host_names()]
    end.

host_names() -> [{customize_hostname_check, [{match_fun, public_key:pkix_verify_hostname_match_fun(https)}]}].

%% A command, whose output goes to the log.
execute([Program | _] = Words) ->
    case os:find_executable(binary_to_list(Program)) of
        false -> throw({failed, <<"exit">>, text("`~s` cannot be started: there is no such program", [Program])});
        _ -> ok
    end,
    Script = "exec \"$@\" >&2 </dev/null",
    Port = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", Script, "sh" | Words]}, exit_status, in]),
    receive
        {Port, {exit_status, 0}} -> ok;
        {Port, {exit_status, Code}} when Code > 128 -> throw({failed, <<"exit">>, text("`~s` ended with signal ~b", [Program, Code - 128])});
        {Port, {exit_status, Code}} -> throw({failed, <<"exit">>, text("`~s` ended with exit code ~b", [Program, Code])})
    end.

%% Keeps the failures, by kind.
clerk(Failures) ->
    receive
        {failed, Kind, Text, Number, Step} ->
            First = #{kind => Kind, text => Text, count => 0, task => Number, step => if Step < 0 -> null; true -> Step end},
            #{count := Count} = One = maps:get(Kind, Failures, First),
            clerk(Failures#{Kind => One#{count := Count + 1}});
        {tell, Who} -> Who ! {failures, maps:values(Failures)}, clerk(Failures)
    end.

%% ---------------------------------------------------------------------------------------------------------------------
%% 6. The conversation, a run as it sees it, and JSON.

text(Format, Values) -> unicode:characters_to_binary(io_lib:format(Format, Values)).

say(Message) -> port_command(persistent_term:get(output), [encode(Message), $\n]).

refuse(Code, Text) -> throw({refused, Code, Text, null}).

%% Kills all that was started: the runner leads the process group that holds it, and commands have sessions of their own.
vanish() ->
    Own = list_to_integer(os:getpid()),
    Groups = [integer_to_list(-Pid) || Port <- erlang:ports(), {os_pid, Pid} <- [erlang:port_info(Port, os_pid)], is_integer(Pid)],
    os:cmd("kill -9 -- " ++ string:join(Groups ++ [integer_to_list(-Own)], " ")),
    erlang:halt(1, [{flush, false}]).

%% CPU time so far of all threads in nanoseconds; its split into user and system is the one that the kernel counts in ticks.
%% All are asked at once: each read goes by way of another thread, and one after another took half a second where many others
%% use the machine.
cpu() ->
    {ok, Threads} = file:list_dir("/proc/self/task"),
    Self = self(),
    [spawn(fun() -> Self ! {spent, cpu_of(Thread)} end) || Thread <- Threads],
    Total = lists:sum([receive {spent, Ns} -> Ns end || _ <- Threads]),
    {ok, Stat} = file:read_file("/proc/self/stat"),
    [_, Fields] = string:split(Stat, ") ", trailing),
    Words = string:lexemes(Fields, " "),
    [User, System] = [binary_to_integer(lists:nth(Field, Words)) || Field <- [12, 13]],
    OfSystem = Total * System div max(1, User + System),
    {Total - OfSystem, OfSystem}.

cpu_of(Thread) ->
    case file:read_file(["/proc/self/task/", Thread, "/schedstat"]) of
        {ok, Line} -> {ok, [Ns], _} = io_lib:fread("~d", binary_to_list(Line)), Ns;
        _ -> 0 % it has ended
    end.

%% When the look at the processor time began, what it was, and when it was over.
mark() -> {clock(), cpu(), clock()}.

%% Set-up, work, tear-down.
start(W) ->
    First = mark(),
    Run = self(),
    %% What it makes is all outside of its heap: it need not be looked at each time that this has grown.
    Scribe = spawn_opt(fun() -> scribe(W#work.trace, Run) end, [link, {min_bin_vheap_size, 1 bsl 21}]),
    receive enrolled -> ok end,
    {_, _, Begun} = Second = mark(),
    atomics:put(W#work.tally, ?BEGUN, Begun),
    Watch = spawn_link(fun() -> watch(W, Run, -1, false) end),
    Hands = spawn_opt(fun() -> hand_out(W), Run ! done end, [link, {message_queue_data, off_heap}]),
    conduct(W, Scribe, Watch, Hands, [First, Second]).

%% Waits for the end of the work, or for what ends it otherwise.
conduct(W, Scribe, Watch, Hands, Marks) ->
    %% Who was told to stop has little time left, and a look at the processor time takes long on a busy machine.
    Mark = fun() -> case halted(W) of true -> Now = clock(), {Now, null, Now}; false -> mark() end end,
    Stop = fun(Deadlock, Notes) ->
        Third = Mark(),
        unlink(Watch), exit(Watch, kill),
        Scribe ! {finish, self()},
        receive {finished, Last} -> conclude(W, Marks ++ [Third, Mark()], Last, Deadlock, Notes) end
    end,
    receive
        done -> Stop([], []);
        halt ->
            atomics:put(W#work.tally, ?HALTED, 1),
            Hands ! halt,
            erlang:send_after(W#work.grace, self(), give_up),
            conduct(W, Scribe, Watch, Hands, Marks);
        give_up -> unlink(Hands), exit(Hands, kill), Stop([], [<<"stopped before every task under way had ended">>]);
        {deadlock, Tasks} -> unlink(Hands), exit(Hands, kill), Stop(Tasks, [])
    end.

%% Looks whether all who could go on wait for each other, twice in the same way.
watch(#work{tally = Tally} = W, Run, Before, Stuck) ->
    receive after 100 -> ok end,
    [Flying, Waiting, Moves] = [atomics:get(Tally, At) || At <- [?FLYING, ?WAITING, ?MOVES]],
    case Flying > 0 andalso Flying =:= Waiting andalso Moves =:= Before of
        true when Stuck -> Run ! {deadlock, lists:sublist(open_tasks(W, 0), 20)};
        Now -> watch(W, Run, Moves, Now)
    end.

open_tasks(#work{count = Count}, Count) -> [];
open_tasks(#work{trace = T} = W, Number) ->
    Task = task_of(W, Number),
    case count_readings(T, Task, 0) of
        Known when Known > 0 -> [#{task => Number, step => step_at(Task, Known)} | open_tasks(W, Number + 1)];
        _ -> open_tasks(W, Number + 1)
    end.

conclude(W, [{A, CpuA, _}, {_, CpuB, B}, {C, CpuC, _}, {_, CpuD, D}], Last, Deadlock, Notes) ->
    Cut = Deadlock =/= [] orelse halted(W) orelse W#work.count =:= 0,
    Ended = if Cut -> max(C, B); true -> max(Last, B) end,
    W#work.clerk ! {tell, self()},
    Failures = receive {failures, All} -> All end,
    Wall = Ended - B,
    %% Processor time is read when the end is noticed, and never more than there was.
    Working = if C - Ended > Wall div 20 + 1000000 -> null;
                 true -> at_most(spent(CpuB, CpuC), Wall * erlang:system_info(logical_processors_available))
              end,
    say(#{done => #{
        phases => #{setup => phase(A, B, spent(CpuA, CpuB)), work => phase(B, Ended, Working),
                    teardown => phase(Ended, max(D, Ended), spent(CpuC, CpuD))},
        failures => lists:reverse(lists:keysort(1, [{Count, One} || #{count := Count} = One <- Failures])),
        vars => [#{name => Name, value => atomics:get(W#work.vars, At), by_process => []} || {At, Name} <- persistent_term:get(names)],
        deadlock => Deadlock, result_hash => null, notes => Notes}}),
    said.

phase(Start, End, Cpu) -> #{start_ns => Start, end_ns => End, cpu => Cpu}.

spent(_, null) -> null;
spent({UserA, SystemA}, {UserB, SystemB}) ->
    Total = max(0, UserB + SystemB - UserA - SystemA),
    System = min(Total, max(0, SystemB - SystemA)), % the split in ticks may step back
    #{user_ns => Total - System, system_ns => System}.

at_most(#{user_ns := User, system_ns := System}, Most) when User + System > Most ->
    #{user_ns => User * Most div (User + System), system_ns => Most - User * Most div (User + System)};
at_most(Cpu, _) -> Cpu.

steps() ->
    Http = [http || code:which(httpc) =/= non_existing],
    [cpu, wait, block, hold, send, 'receive', read, write, update, run, allocate, repeat, yield, fail, crash | Http].

%% A step with what it needs at hand.
compile(W, #{<<"id">> := Id, <<"action">> := Action}) ->
    {Name, Fields} = if is_map(Action) -> hd(maps:to_list(Action)); true -> {Action, #{}} end,
    Known = [Step || Step <- steps(), atom_to_binary(Step) =:= Name],
    case Known of
        [Step] -> What = fill(W, Step, Fields), {Id, noted(Step, What), Step, What};
        [] when Name =:= <<"call">> ->
            throw({refused, unsupported, <<"Erlang cannot do the step `call`, a function of Python: use python3">>, text("step ~b", [Id])});
        [] -> throw({refused, unsupported, text("Erlang cannot do the step `~s`", [Name]), text("step ~b", [Id])})
    end.

fill(W, hold, #{<<"resource">> := At, <<"steps">> := Steps}) -> {element(At + 1, W#work.gates), [compile(W, Step) || Step <- Steps]};
fill(W, repeat, #{<<"count">> := Count, <<"steps">> := Steps}) ->
    Compiled = [compile(W, Step) || Step <- Steps],
    {Count, noted(Compiled), Compiled};
fill(W, _, #{<<"channel">> := At}) -> element(At + 1, W#work.channels);
fill(_, _, #{<<"var">> := At, <<"add">> := Add}) -> {At + 1, Add};
fill(_, _, #{<<"var">> := At}) -> At + 1;
fill(_, _, #{<<"ns">> := Ns}) -> Ns;
fill(W, _, #{<<"column">> := At}) -> column(W, At);
fill(_, _, #{<<"bytes">> := Bytes}) -> Bytes;
fill(_, _, #{<<"why">> := Why}) -> Why;
fill(_, _, #{<<"program">> := Program, <<"args">> := Args}) -> [Program | Args];
fill(_, http, #{<<"method">> := Method, <<"url">> := Url} = Fields) ->
    Verb = binary_to_atom(string:lowercase(Method)),
    Headers = case Fields of #{<<"headers">> := Pairs} when is_list(Pairs) -> Pairs; _ -> [] end,
    {Verb, Method, binary_to_list(Url), [{binary_to_list(Name), binary_to_list(Value)} || [Name, Value] <- Headers], maps:get(<<"body">>, Fields, null)};
fill(_, _, _) -> none.

%% How many ends are noted in a step.
noted(hold, {_, Steps}) -> 1 + noted(Steps);
noted(repeat, {Count, Each, _}) -> Count * Each;
noted(_, _) -> 1.
noted(Steps) -> lists:sum([Size || {_, Size, _, _} <- Steps]).

column(W, At) -> element(At + 1, W#work.specs).

prepare(#{<<"protocol">> := Spoken}) when Spoken =/= ?PROTOCOL ->
    refuse(protocol, text("the plan speaks version ~0p, this runner ~b: use those of one maitred", [Spoken, ?PROTOCOL]));
prepare(#{<<"strategy">> := Strategy}) when Strategy =/= <<"sequential">>, Strategy =/= <<"async-pool">> ->
    refuse(unsupported, text("Erlang has no strategy `~s`: use sequential or async-pool", [Strategy]));
prepare(#{<<"strategy">> := Strategy, <<"workers">> := Workers, <<"groups">> := Groups, <<"options">> := Options} = Plan) ->
    Lanes = case Strategy of <<"sequential">> -> 1; _ -> Workers end,
    Lanes =< erlang:system_info(schedulers_online) orelse
        refuse(refused, text("Erlang was given ~b schedulers, and ~b are needed: at most 1024 can be had", [erlang:system_info(schedulers_online), Lanes])),
    Count = lists:sum([N || #{<<"count">> := N} <- Groups]),
    Tally = atomics:new(9 * ?WIDE, []),
    {Columns, Specs} = columns(maps:get(<<"columns">>, Plan, null)),
    Vars = maps:get(<<"vars">>, Plan, []),
    Programs = [Steps || #{<<"steps">> := Steps} <- maps:get(<<"programs">>, Plan)],
    W = #work{
        strategy = Strategy, workers = Workers, count = Count, columns = Columns, specs = Specs, tally = Tally,
        rate = case maps:get(<<"calibration">>, Plan, null) of null -> calibrate(); Rate -> Rate end,
        width = case {Strategy, Options} of
            {<<"sequential">>, _} -> 1;
            {_, #{<<"concurrency">> := Width}} -> binary_to_integer(Width);
            _ -> infinity % an atom, which is more than every number
        end,
        grace = whole_ms(maps:get(<<"grace_ns">>, maps:get(<<"limits">>, Plan))),
        clerk = spawn(fun() -> clerk(#{}) end),
        vars = atomics:new(max(1, length(Vars)), []),
        gates = list_to_tuple([new_gate(Units, Tally) || #{<<"capacity">> := Units} <- maps:get(<<"resources">>, Plan, [])]),
        channels = list_to_tuple([{new_gate(Slots, Tally), new_gate(0, Tally)} || #{<<"capacity">> := Slots} <- maps:get(<<"channels">>, Plan, [])]),
        timeout = whole_ms(binary_to_integer(maps:get(<<"http-timeout-ns">>, Options, <<"30000000000">>)))
    },
    Named = lists:zip(lists:seq(1, length(Vars)), Vars),
    [atomics:put(W#work.vars, At, Initial) || {At, #{<<"initial">> := Initial}} <- Named],
    persistent_term:put(names, [{At, Name} || {At, #{<<"name">> := Name}} <- Named]),
    Compiled = list_to_tuple([[compile(W, Step) || Step <- Steps] || Steps <- Programs]),
    Whole = W#work{
        order = order(W, Groups),
        trace = prepare_trace(open_trace(maps:get(<<"trace_path">>, Plan), Lanes, Count),
            [#group{first = First, count = N, steps = Steps, size = noted(Steps)}
             || #{<<"program">> := Program, <<"first">> := First, <<"count">> := N} <- Groups, Steps <- [element(Program + 1, Compiled)]]),
        ends = case [Step || Step <- [crash, hold, send, 'receive', http, run], uses(Step, tuple_to_list(Compiled))] of
            [crash | _] -> named;
            [] when W#work.width =:= infinity -> counted;
            _ -> monitored
        end,
        tls = case uses(http, tuple_to_list(Compiled)) of true -> start_http(Options); false -> [] end
    },
    persistent_term:put(work, Whole),
    Whole.

uses(Name, Steps) when is_list(Steps) -> lists:any(fun(Step) -> uses(Name, Step) end, Steps);
uses(Name, {_, _, Name, _}) -> true;
uses(Name, {_, _, hold, {_, Steps}}) -> uses(Name, Steps);
uses(Name, {_, _, repeat, {_, _, Steps}}) -> uses(Name, Steps);
uses(_, _) -> false.

columns(null) -> {<<>>, {}};
columns(#{<<"path">> := Path, <<"columns">> := All}) ->
    {ok, Bytes} = file:read_file(Path),
    {Bytes, list_to_tuple([{Offset, First, Each} || #{<<"offset">> := Offset, <<"first_task">> := First, <<"per_task">> := Each} <- All])}.

order(W, Groups) ->
    case lists:all(fun(#{<<"arrivals">> := How}) -> How =:= <<"at-once">> end, Groups) of
        true -> [{range, First, Count} || #{<<"first">> := First, <<"count">> := Count} <- Groups, Count > 0];
        false -> lists:sort([{due(W, How, First, I), First + I} ||
            #{<<"first">> := First, <<"count">> := Count, <<"arrivals">> := How} <- Groups, I <- lists:seq(0, Count - 1)])
    end.

due(_, #{<<"every-ns">> := Ns}, _, I) -> I * Ns;
due(W, #{<<"column">> := At}, First, I) -> drawn(W#work.columns, column(W, At), First + I, 0);
due(_, _, _, _) -> 0.

ready(Rate, SpanCost, Facts) ->
    Release = erlang:system_info(otp_release),
    Version = case file:read_file(filename:join([code:root_dir(), "releases", Release, "OTP_VERSION"])) of
        {ok, Text} -> string:trim(Text);
        _ -> list_to_binary(Release)
    end,
    Moves = fun(Name) -> #{name => Name, stalls => false, fixed_thread => false} end,
    #{ready => #{
        protocol => ?PROTOCOL, runtime => <<"erlang">>, version => Version, build => list_to_binary(erlang:system_info(system_architecture)),
        jit => erlang:system_info(emu_flavor) =:= jit, strategies => [#{name => <<"sequential">>, fixed_thread => false}, Moves(<<"async-pool">>)],
        steps => steps(), pid => list_to_integer(os:getpid()), calibration => Rate, span_cost_ns => SpanCost, facts => Facts}}.

facts() -> [[<<"executable">>, unicode:characters_to_binary(filename:join([code:root_dir(), "bin", "erl"]))],
            [<<"erts">>, list_to_binary(erlang:system_info(version))], [<<"process limit">>, integer_to_binary(erlang:system_info(process_limit))]].

%% What recording one span costs, its clock reading included: the least of several tries.
span_cost() ->
    Room = 2000,
    Group = #group{first = 0, count = 1, steps = [{0, Room, repeat, {Room, 1, [{0, 1, yield, none}]}}], size = Room},
    lists:min([begin
        W = #work{trace = prepare_trace(#trace{lanes = 1, room = Room}, [Group])},
        Task = task_of(W, 0),
        Begun = clock(),
        [note(W, Task, Place) || Place <- lists:seq(1, Room)],
        (clock() - Begun) / Room
    end || _ <- lists:seq(1, 20)]).

main() -> spawn(fun converse/0).

converse() ->
    process_flag(trap_exit, true),
    os:set_signal(sigusr1, ignore), % by which runners of Python are asked where they are: Erlang would die of it
    Port = open_port({fd, 0, 3}, [binary, {line, 1 bsl 20}, eof]),
    persistent_term:put(output, Port),
    {ok, First} = file:read_file("/proc/self/fd/4"), % what came before there was anybody to hear it
    hear(Port, string:trim(First, trailing, "\n"), fresh).

%% `State`: nobody was told anything yet, a plan, a run with its process, or what is over.
hear(Port, Line, State) ->
    Next = try obey(Line, State)
    catch
        throw:{refused, Code, Text, Place} -> over(Code, Text, Place);
        _:Reason:Stack -> over(protocol, text("the plan cannot be read: ~0p at ~0p", [Reason, hd(Stack)]), null)
    end,
    listen(Port, [], Next).

over(Code, Text, Place) ->
    say(#{error => #{code => Code, text => Text, place => Place}}),
    vanish().

listen(Port, Parts, State) ->
    receive
        {Port, {data, {noeol, Part}}} -> listen(Port, [Parts, Part], State);
        {Port, {data, {eol, Part}}} -> hear(Port, iolist_to_binary([Parts, Part]), State);
        {Port, eof} -> case State of {going, _} -> vanish(); _ -> erlang:halt(0, [{flush, false}]) end;
        {'EXIT', Run, said} when State =:= {going, Run} -> listen(Port, Parts, said);
        {'EXIT', Run, Why} when State =:= {going, Run} -> over(refused, text("the runner failed: ~0p", [Why]), null);
        {'EXIT', Port, _} -> vanish();
        _ -> listen(Port, Parts, State)
    end.

obey(Line, State) ->
    Quoted = string:slice(Line, 0, 200),
    No = fun() -> throw({refused, protocol, text("this line is not a command, or not now: ~ts", [Quoted]), Quoted}) end,
    Command = try decode(Line) catch _:_ -> No() end,
    case {Command, State} of
        {#{<<"describe">> := _}, fresh} -> say(ready(calibrate(), span_cost(), facts())), fresh;
        {#{<<"plan">> := Plan}, fresh} ->
            W = prepare(Plan),
            say(ready(W#work.rate, null, [])),
            {planned, W};
        {#{<<"go">> := _}, {planned, W}} -> {going, spawn_link(fun() -> exit(start(W)) end)};
        {#{<<"stop">> := _}, {going, Run}} -> Run ! halt, State;
        {#{<<"stop">> := _}, said} -> said;
        _ -> No()
    end.

%% JSON (RFC 8259): objects as maps, strings as binaries.

decode(Text) ->
    {Value, Rest} = value(blank(Text)),
    <<>> = blank(Rest),
    Value.

blank(<<C, Rest/binary>>) when C =:= $\s; C =:= $\t; C =:= $\r; C =:= $\n -> blank(Rest);
blank(Text) -> Text.

value(<<"null", Rest/binary>>) -> {null, Rest};
value(<<"true", Rest/binary>>) -> {true, Rest};
value(<<"false", Rest/binary>>) -> {false, Rest};
value(<<$", Rest/binary>>) -> string(Rest, []);
value(<<$[, Rest/binary>>) -> list(blank(Rest), []);
value(<<${, Rest/binary>>) -> object(blank(Rest), #{});
value(Text) ->
    {match, [{0, Length}]} = re:run(Text, "^-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?", [{capture, first}]),
    <<Number:Length/binary, Rest/binary>> = Text,
    {try binary_to_integer(Number) catch _:_ -> real(Number) end, Rest}.

%% Erlang wants a fraction in front of an exponent.
real(Number) ->
    try binary_to_float(Number)
    catch _:_ -> [Whole, Power] = string:split(string:lowercase(Number), "e"), binary_to_float(<<Whole/binary, ".0e", Power/binary>>)
    end.

list(<<$], Rest/binary>>, []) -> {[], Rest};
list(Text, Values) ->
    {Value, Rest} = value(Text),
    case blank(Rest) of
        <<$,, More/binary>> -> list(blank(More), [Value | Values]);
        <<$], More/binary>> -> {lists:reverse([Value | Values]), More}
    end.

object(<<$}, Rest/binary>>, Fields) when map_size(Fields) =:= 0 -> {Fields, Rest};
object(<<$", Text/binary>>, Fields) ->
    {Name, Colon} = string(Text, []),
    <<$:, After/binary>> = blank(Colon),
    {Value, Rest} = value(blank(After)),
    case blank(Rest) of
        <<$,, More/binary>> -> object(blank(More), Fields#{Name => Value});
        <<$}, More/binary>> -> {Fields#{Name => Value}, More}
    end.

string(<<$", Rest/binary>>, Parts) -> {iolist_to_binary(lists:reverse(Parts)), Rest};
string(<<"\\u", High:4/binary, "\\u", Low:4/binary, Rest/binary>>, Parts) when High >= <<"D800">>, High < <<"DC00">>; High >= <<"d800">>, High < <<"dc00">> ->
    {A, B} = {binary_to_integer(High, 16), binary_to_integer(Low, 16)},
    string(Rest, [<<(16#10000 + ((A - 16#d800) bsl 10) + B - 16#dc00)/utf8>> | Parts]);
string(<<"\\u", Hex:4/binary, Rest/binary>>, Parts) -> string(Rest, [<<(binary_to_integer(Hex, 16))/utf8>> | Parts]);
string(<<$\\, C, Rest/binary>>, Parts) ->
    Meant = case C of $n -> $\n; $t -> $\t; $r -> $\r; $b -> $\b; $f -> $\f; _ -> C end,
    string(Rest, [Meant | Parts]);
string(Text, Parts) ->
    Length = plain(Text, 0),
    <<Part:Length/binary, Rest/binary>> = Text,
    string(Rest, [Part | Parts]).

%% How far a text needs no second look.
plain(Text, At) ->
    case Text of
        <<_:At/binary, C, _/binary>> when C =/= $", C =/= $\\ -> plain(Text, At + 1);
        _ -> At
    end.

encode(Fields) when is_map(Fields) ->
    [${, lists:join($,, [[encode(Name), $:, encode(Value)] || {Name, Value} <- maps:to_list(Fields)]), $}];
encode({_, Value}) -> encode(Value);
encode(Values) when is_list(Values) -> [$[, lists:join($,, [encode(Value) || Value <- Values]), $]];
encode(Number) when is_integer(Number) -> integer_to_binary(Number);
encode(Number) when is_float(Number) -> float_to_binary(Number, [{decimals, 3}]);
encode(Word) when Word =:= null; Word =:= true; Word =:= false -> atom_to_binary(Word);
encode(Word) when is_atom(Word) -> encode(atom_to_binary(Word));
encode(Text) -> [$", [escape(C) || <<C>> <= Text], $"].

escape(C) when C =:= $"; C =:= $\\ -> [$\\, C];
escape(C) when C < 32 -> io_lib:format("\\u~4.16.0b", [C]);
escape(C) -> C.
