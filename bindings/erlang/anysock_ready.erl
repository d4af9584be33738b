%% Who waits for which socket: one process, which the emulator tells when the poller of all has news. A process that waits holds no thread.
%% Not here: the calls (anysock).
%%
%%     Result = anysock_ready:call(read, fun() -> anysock:recv(Socket, 4096, ?ANYSOCK_FLAG_DONT_WAIT) end, Socket, 5000)
%%
%% SPDX-License-Identifier: MIT OR Apache-2.0
-module(anysock_ready).
-export([call/4, wait/3, close/1]).
-include("anysock.hrl").

-define(BATCH, 64).

%% Makes a call that does not wait, and again once the socket is ready for reading or writing. Milliseconds, or infinity; at their end
%% the answer is ANYSOCK_ETIMEDOUT.
call(Direction, Call, Handle, Timeout) ->
    case Call() of
        Again when Again =:= ?ANYSOCK_EAGAIN; element(1, Again) =:= ?ANYSOCK_EAGAIN ->
            case wait(Handle, Direction, Timeout) of
                0 -> call(Direction, Call, Handle, Timeout);
                Error -> Error
            end;
        Answer -> Answer
    end.

%% Closes a socket, and ends who waits for it with ANYSOCK_ECANCELED.
close(Handle) ->
    Answer = anysock:close(Handle),
    server() ! {closed, Handle},
    Answer.

%% 0 when the socket is ready; else an error.
wait(Handle, Direction, Timeout) ->
    Server = server(),
    Token = erlang:unique_integer([positive]),
    Monitor = monitor(process, Server),
    Server ! {watch, self(), Token, Handle, events(Direction)},
    Answer = receive
        {?MODULE, Token, Result} -> Result;
        {'DOWN', Monitor, process, Server, _} -> ?ANYSOCK_ECANCELED
    after Timeout -> ?ANYSOCK_ETIMEDOUT
    end,
    demonitor(Monitor, [flush]),
    Answer.

events(read) -> ?ANYSOCK_EVENT_READ;
events(write) -> ?ANYSOCK_EVENT_WRITE.

server() ->
    case whereis(?MODULE) of
        undefined -> start();
        Server -> Server
    end.

start() ->
    Starter = self(),
    Server = spawn(fun() -> serve(Starter) end),
    receive {Server, Registered} -> Registered end.

%% Of two that start at a time one is registered.
serve(Starter) ->
    try register(?MODULE, self()) of
        true ->
            Poller = anysock:poller_open(),
            Watched = anysock:watched(Poller),
            0 = anysock:select(Watched),
            Starter ! {self(), self()},
            loop(Poller, Watched, #{})
    catch
        error:badarg -> Starter ! {self(), whereis(?MODULE)}
    end.

%% Waiting is, by handle, who waits for which events.
loop(Poller, Watched, Waiting) ->
    receive
        {watch, Pid, Token, Handle, Events} ->
            All = [{Pid, Token, Events} | maps:get(Handle, Waiting, [])],
            case arm(Poller, Handle, All) of
                0 -> loop(Poller, Watched, Waiting#{Handle => All});
                %% Closed meanwhile: the call will say so.
                _ -> tell(All, 0), loop(Poller, Watched, maps:remove(Handle, Waiting))
            end;
        {closed, Handle} ->
            tell(maps:get(Handle, Waiting, []), ?ANYSOCK_ECANCELED),
            loop(Poller, Watched, maps:remove(Handle, Waiting));
        {select, Watched, undefined, ready_input} ->
            {_, Reports} = anysock:poller_wait(Poller, ?BATCH, 0),
            Left = report(Poller, Reports, Waiting),
            0 = anysock:select(Watched),
            loop(Poller, Watched, Left)
    end.

arm(Poller, Handle, All) ->
    Events = lists:foldl(fun({_, _, Each}, Sum) -> Each bor Sum end, ?ANYSOCK_EVENT_ONESHOT, All),
    anysock:poller_set(Poller, Handle, Events, Handle).

tell(All, Result) -> [Pid ! {?MODULE, Token, Result} || {Pid, Token, _} <- All].

report(_, <<>>, Waiting) -> Waiting;
report(Poller, <<Handle:64/native, _:64, Ready:32/native, _:32, Rest/binary>>, Waiting) ->
    Over = Ready band (?ANYSOCK_EVENT_HANGUP bor ?ANYSOCK_EVENT_ERROR) =/= 0,
    {Told, Stay} = lists:partition(fun({_, _, Events}) -> Over orelse Events band Ready =/= 0 end, maps:get(Handle, Waiting, [])),
    tell(Told, 0),
    Left = case Stay =:= [] orelse arm(Poller, Handle, Stay) =/= 0 of
        true -> tell(Stay, 0), maps:remove(Handle, Waiting);
        false -> Waiting#{Handle => Stay}
    end,
    report(Poller, Rest, Left).
