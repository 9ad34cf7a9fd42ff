%% The Erlang runner of maitred: carries out one plan under one strategy and records what each lane and task did.
%%
%% It speaks JSON lines (runtimes/PROTOCOL.md) and needs nothing but what comes with Erlang/OTP 25 or later. A task is a
%% process under async-pool, and one process does all of them under sequential. A lane is a scheduler: processes move from
%% one to another, also in the midst of a step. What happens is noted in arrays of atomics, and a process of its own writes
%% it into the trace file in batches, since a write to a file goes by way of another thread.
%%
%%  1. the strategies      3. the trace                       5. HTTP, commands, failures
%%  2. the steps           4. waiting for each other          6. the conversation with maitred, and JSON
-module(maitred_runner).
-export([main/0]).

-define(PROTOCOL, 2).
%% What all tasks share. It is kept as a persistent term: what is sent to a process is copied into it.
-record(work, {strategy, workers, count, programs, order, rate, columns, specs, width, grace, clerk, trace,
               tally, vars, gates, channels, tls, timeout}).
%% So many words are a cache line: what several schedulers write to has one for itself.
-define(WIDE, 8).
%% Places in the tally.
-define(FLYING, 1 * ?WIDE).
-define(WAITING, 2 * ?WIDE).
-define(MOVES, 3 * ?WIDE).   % steps in which tasks could wait for each other
-define(HALTED, 4 * ?WIDE).
-define(NEXT, 5 * ?WIDE).    % tasks that were begun, or passed over
-define(ANSWERS, 6 * ?WIDE). % of servers that were asked: without one no connection can have been kept
-define(BEGUN, 7 * ?WIDE).   % when the work began

%% CLOCK_MONOTONIC in nanoseconds on Linux, the clock of everything that is recorded: monotonic_time counts from elsewhere.
clock() -> os:perf_counter().

%% ---------------------------------------------------------------------------------------------------------------------
%% 1. Strategies: each hands out the tasks in their order, and returns when all that were begun have ended.

hand_out(#work{strategy = <<"sequential">>} = W) -> in_turn(W, W#work.order);
hand_out(W) -> spread(W, W#work.order, 0).

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

%% Every task has a process.
spread(W, Order, Alive) when Alive >= W#work.width -> spread(W, Order, Alive - bury(W, infinity));
spread(W, Order, Alive) ->
    case next(Order) of
        none -> bury_all(W, Alive);
        {Due, Number, Rest} ->
            case wait_for(W, Due) of
                true ->
                    atomics:add(W#work.tally, ?NEXT, 1),
                    spawn_opt(fun() -> perform(persistent_term:get(work), Number) end, [{monitor, [{tag, {ended, Number}}]}]),
                    spread(W, Rest, Alive + 1 - bury(W, 0));
                false -> bury_all(W, Alive)
            end
    end.

bury_all(_, 0) -> ok;
bury_all(W, Alive) -> bury_all(W, Alive - bury(W, infinity)).

%% Takes note of a process that ended; the number of those.
bury(W, Patience) ->
    receive
        {{ended, Number}, _, process, _, killed} -> lost(W, Number), 1;
        {{ended, _}, _, process, _, _} -> 1
    after Patience -> 0
    end.

%% A task whose process was killed: it stays open in the trace.
lost(W, Number) ->
    atomics:sub(W#work.tally, ?FLYING, 1),
    W#work.clerk ! {failed, <<"crash">>, <<"its process was killed, and none beside it">>, Number, step_of(W, Number)}.

%% Tasks in the order of arrival, then of number: ranges where all come at once, else when and who.
next([]) -> none;
next([{range, First, 1} | Rest]) -> {0, First, Rest};
next([{range, First, Count} | Rest]) -> {0, First, [{range, First + 1, Count - 1} | Rest]};
next([{Due, Number} | Rest]) -> {Due, Number, Rest}.

number_at(Order, 0) -> element(2, next(Order));
number_at(Order, Index) -> number_at(element(3, next(Order)), Index - 1).

%% ---------------------------------------------------------------------------------------------------------------------
%% 2. A task and its steps. What a step returns is when it ended, which is when the next one begins: n steps take n + 1
%%    readings of the clock.

perform(W, Number) ->
    case halted(W) of
        true -> ok;
        false ->
            Now = clock(),
            atomics:add(W#work.tally, ?FLYING, 1),
            note_begin(W, Number, Now),
            try run(W, Number, program(W, Number), Now) of
                End -> note_end(W, Number, End, 1)
            catch
                throw:{failed, Kind, Text} -> fail(W, Number, Kind, Text);
                error:system_limit -> fail(W, Number, <<"memory">>, <<"Erlang has no room for what was asked">>);
                _:Reason -> fail(W, Number, <<"error">>, text("~0p", [Reason]))
            end,
            erase(), % what it allocated was kept until here
            atomics:sub(W#work.tally, ?FLYING, 1)
    end.

fail(W, Number, Kind, Text) ->
    note_end(W, Number, clock(), 2),
    W#work.clerk ! {failed, Kind, Text, Number, step_of(W, Number)}.

program(W, Number) -> program_of(W#work.programs, Number).
program_of([{First, Count, Steps} | _], Number) when Number < First + Count -> Steps;
program_of([_ | Rest], Number) -> program_of(Rest, Number).

run(_, _, [], Now) -> Now;
run(W, Number, [{Id, hold, {Gate, Steps}} | Rest], Now) ->
    note_step(W, Number, Id),
    take(Gate, held),
    Granted = clock(),
    note_span(W, Number, Id, Now, Granted),
    note_step(W, Number, Id + 1),
    %% What is held encloses what is done meanwhile, also for who sorts by time alone.
    End = try run(W, Number, Steps, Granted + 1)
    catch Class:Reason:Stack ->
        note_span(W, Number, Id + 1, Granted, clock()),
        give(Gate, self()),
        erlang:raise(Class, Reason, Stack)
    end,
    note_span(W, Number, Id + 1, Granted, End), % before it is given back: the next one cannot have it any earlier
    give(Gate, self()),
    run(W, Number, Rest, End);
run(W, Number, [{_, repeat, {Count, Steps}} | Rest], Now) ->
    run(W, Number, Rest, repeat(W, Number, Steps, Count, Now));
run(W, Number, [{Id, Name, What} | Rest], Now) ->
    note_step(W, Number, Id),
    try do(W, Number, Id, Name, What)
    catch Class:Reason:Stack ->
        note_span(W, Number, Id, Now, clock()),
        erlang:raise(Class, Reason, Stack)
    end,
    End = clock(),
    note_span(W, Number, Id, Now, End),
    run(W, Number, Rest, End).

repeat(_, _, _, 0, Now) -> Now;
repeat(W, Number, Steps, Count, Now) -> repeat(W, Number, Steps, Count - 1, run(W, Number, Steps, Now)).

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

-define(CHUNK, 256). % tasks whose records are written together, if one of them has changed
-record(trace, {path, lanes, room, lanes_at, tasks_at, spans_at,
                table,   % 4 words a task, as in the file
                changes, % of each chunk of the table
                spans,   % a tuple of arrays, by lane: 3 words a span, as in the file
                begun, ended}). % by lane, one in each line

open_trace(Path, Lanes, Tasks) ->
    case file:open(Path, [raw, binary, read]) of
        {ok, File} -> layout(Path, file:pread(File, 0, 56), Lanes, Tasks);
        {error, Why} -> refuse(protocol, text("the trace file ~s cannot be opened: ~0p", [Path, Why]))
    end.

layout(Path, {ok, <<"MAITREDT", ?PROTOCOL:32/little, HasLanes:32/little, HasTasks:32/little, Room:32/little, LanesAt:64/little,
                    TasksAt:64/little, SpansAt:64/little, _:64>>}, Lanes, Tasks) when HasLanes >= Lanes, HasTasks >= Tasks ->
    #trace{path = Path, lanes = Lanes, room = Room, lanes_at = LanesAt, tasks_at = TasksAt, spans_at = SpansAt,
           table = words(4 * Tasks), changes = words(Tasks div ?CHUNK + 1),
           spans = list_to_tuple([words(3 * Room) || _ <- lists:seq(1, Lanes)]),
           begun = words(?WIDE * Lanes), ended = words(?WIDE * Lanes)};
layout(Path, _, Lanes, Tasks) ->
    refuse(protocol, text("~s is no trace file of version ~b with room for ~b lanes and ~b tasks: use the runner of this maitred",
                          [Path, ?PROTOCOL, Lanes, Tasks])).

words(Count) -> atomics:new(max(1, Count), [{signed, false}]).

%% The scheduler that this process is on, from 1: its lane.
lane() -> erlang:system_info(scheduler_id).

note_begin(#work{trace = T}, Number, Now) ->
    atomics:put(T#trace.table, 4 * Number + 3, lane() - 1),
    atomics:put(T#trace.table, 4 * Number + 1, Now),
    atomics:add(T#trace.changes, Number div ?CHUNK + 1, 1).

note_step(#work{trace = T}, Number, Id) ->
    Lane = atomics:get(T#trace.table, 4 * Number + 3) band 16#ffffffff,
    atomics:put(T#trace.table, 4 * Number + 3, Lane bor ((Id + 1) bsl 32)).

%% The step that a task is at.
step_of(#work{trace = T}, Number) -> (atomics:get(T#trace.table, 4 * Number + 3) bsr 32) - 1.

note_span(#work{trace = T}, Number, Id, Begun, End) ->
    Lane = lane(),
    case atomics:add_get(T#trace.begun, ?WIDE * Lane, 1) of
        At when At =< T#trace.room ->
            Spans = element(Lane, T#trace.spans),
            atomics:put(Spans, 3 * At - 2, Number bor (Id bsl 32)),
            atomics:put(Spans, 3 * At - 1, Begun),
            atomics:put(Spans, 3 * At, End); % last: it says that the others are there
        _ -> ok
    end.

note_end(#work{trace = T}, Number, Now, Outcome) ->
    atomics:put(T#trace.table, 4 * Number + 4, Outcome),
    atomics:put(T#trace.table, 4 * Number + 2, Now),
    atomics:add(T#trace.ended, ?WIDE * lane(), 1),
    atomics:add(T#trace.changes, Number div ?CHUNK + 1, 1).

%% Writes into the file, which only this process has open: the lanes, and then what is new, every tenth of a second.
scribe(#work{trace = T, count = Count} = W, Run) ->
    {ok, File} = file:open(T#trace.path, [raw, binary, read, write]),
    Pid = list_to_integer(os:getpid()),
    write(File, [{T#trace.lanes_at + 64 * Lane, <<Pid:32/little, 0:32, 1:32/little>>} || Lane <- lists:seq(0, T#trace.lanes - 1)]),
    Run ! enrolled,
    keep_writing(W, File, {[0 || _ <- lists:seq(1, T#trace.lanes)], [0 || _ <- lists:seq(0, Count div ?CHUNK)]}).

%% `Seen` is what was written: spans by lane, changes by chunk.
keep_writing(W, File, Seen) ->
    receive
        {finish, Who} -> write_new(W, File, Seen, all), Who ! finished
    after 100 -> keep_writing(W, File, write_new(W, File, Seen, changed))
    end.

%% The records of tasks are read first and written last: the spans of a task that has ended are there before its end is.
%% What has not changed is not written: on a busy machine each write takes long, by way of another thread as it goes.
write_new(#work{trace = T, count = Count}, File, {Spans, Changes}, Which) ->
    Ended = [atomics:get(T#trace.ended, ?WIDE * Lane) || Lane <- lists:seq(1, T#trace.lanes)],
    Now = [atomics:get(T#trace.changes, Chunk) || Chunk <- lists:seq(1, Count div ?CHUNK + 1)],
    Tasks = [{T#trace.tasks_at + 32 * ?CHUNK * Chunk, bytes(T#trace.table, 4 * ?CHUNK * Chunk + 1, min(4 * ?CHUNK * (Chunk + 1), 4 * Count))}
             || {Chunk, Change, Before} <- lists:zip3(lists:seq(0, Count div ?CHUNK), Now, Changes), Which =:= all orelse Change =/= Before],
    Written = [write_spans(T, File, Lane, From) || {Lane, From} <- lists:zip(lists:seq(1, T#trace.lanes), Spans)],
    write(File, Tasks),
    write(File, [{T#trace.lanes_at + 64 * (Lane - 1) + 12, <<Number:32/little>>}
                 || {Lane, Number} <- lists:zip(lists:seq(1, T#trace.lanes), Ended), Now =/= Changes]),
    {Written, Now}.

%% As far as they are whole; how far that is.
write_spans(#trace{room = Room} = T, File, Lane, From) ->
    Begun = atomics:get(T#trace.begun, ?WIDE * Lane),
    Array = element(Lane, T#trace.spans),
    To = whole_spans(Array, From, min(Begun, Room)),
    At = T#trace.spans_at + 24 * ((Lane - 1) * Room + From),
    Counts = {T#trace.lanes_at + 64 * (Lane - 1) + 16, <<To:64/little, (max(0, Begun - Room)):64/little>>},
    write(File, [{At, bytes(Array, 3 * From + 1, 3 * To)} | [Counts || To > From orelse Begun > Room]]),
    To.

whole_spans(_, To, To) -> To;
whole_spans(Array, At, To) ->
    case atomics:get(Array, 3 * At + 3) of 0 -> At; _ -> whole_spans(Array, At + 1, To) end.

bytes(Array, First, Last) -> << <<(atomics:get(Array, At)):64/little>> || At <- lists:seq(First, Last) >>.

write(File, Parts) -> ok = file:pwrite(File, [Part || {_, Bytes} = Part <- Parts, Bytes =/= <<>>]).

last_end(#work{trace = T, count = Count}) -> last_end(T#trace.table, Count, 0).
last_end(_, 0, Last) -> Last;
last_end(Table, Number, Last) -> last_end(Table, Number - 1, max(Last, atomics:get(Table, 4 * Number - 2))).

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
    Scribe = spawn_link(fun() -> scribe(W, Run) end),
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
        receive finished -> ok end,
        conclude(W, Marks ++ [Third, Mark()], Deadlock, Notes)
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
    [Flying, Waiting, Moves, Next] = [atomics:get(Tally, At) || At <- [?FLYING, ?WAITING, ?MOVES, ?NEXT]],
    Full = Next >= W#work.count orelse Flying >= W#work.width,
    case Flying > 0 andalso Flying =:= Waiting andalso Full andalso Moves =:= Before of
        true when Stuck -> Run ! {deadlock, lists:sublist(open_tasks(W, 0), 20)};
        Now -> watch(W, Run, Moves, Now)
    end.

open_tasks(#work{count = Count}, Count) -> [];
open_tasks(#work{trace = T} = W, Number) ->
    case [atomics:get(T#trace.table, 4 * Number + At) || At <- [1, 2]] of
        [Begun, 0] when Begun > 0 -> [#{task => Number, step => step_of(W, Number)} | open_tasks(W, Number + 1)];
        _ -> open_tasks(W, Number + 1)
    end.

conclude(W, [{A, CpuA, _}, {_, CpuB, B}, {C, CpuC, _}, {_, CpuD, D}], Deadlock, Notes) ->
    Cut = Deadlock =/= [] orelse halted(W) orelse W#work.count =:= 0,
    Ended = if Cut -> max(C, B); true -> max(last_end(W), B) end,
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
        [Step] -> {Id, Step, fill(W, Step, Fields)};
        [] when Name =:= <<"call">> ->
            throw({refused, unsupported, <<"Erlang cannot do the step `call`, a function of Python: use python3">>, text("step ~b", [Id])});
        [] -> throw({refused, unsupported, text("Erlang cannot do the step `~s`", [Name]), text("step ~b", [Id])})
    end.

fill(W, hold, #{<<"resource">> := At, <<"steps">> := Steps}) -> {element(At + 1, W#work.gates), [compile(W, Step) || Step <- Steps]};
fill(W, repeat, #{<<"count">> := Count, <<"steps">> := Steps}) -> {Count, [compile(W, Step) || Step <- Steps]};
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
    Tally = atomics:new(8 * ?WIDE, []),
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
        programs = [{First, N, element(Program + 1, Compiled)} || #{<<"program">> := Program, <<"first">> := First, <<"count">> := N} <- Groups],
        order = order(W, Groups),
        trace = open_trace(maps:get(<<"trace_path">>, Plan), Lanes, Count),
        tls = case uses_http(tuple_to_list(Compiled)) of true -> start_http(Options); false -> [] end
    },
    persistent_term:put(work, Whole),
    Whole.

uses_http(Steps) when is_list(Steps) -> lists:any(fun uses_http/1, Steps);
uses_http({_, http, _}) -> true;
uses_http({_, _, {_, Steps}}) when is_list(Steps) -> uses_http(Steps);
uses_http(_) -> false.

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
    Trace = #trace{room = Room, spans = list_to_tuple([words(3 * Room) || _ <- lists:seq(1, erlang:system_info(schedulers))]), table = words(4)},
    lists:min([begin
        W = #work{trace = Trace#trace{begun = words(?WIDE * erlang:system_info(schedulers))}},
        Begun = clock(),
        [begin note_step(W, 0, 1), note_span(W, 0, 1, Begun, clock()) end || _ <- lists:seq(1, Room)],
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
