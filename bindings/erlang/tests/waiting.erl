%% A thousand processes wait at a time, on an emulator with one dirty scheduler, which meanwhile does something else; and a close ends
%% who waits. Started by bindings/erlang/test.
-module(waiting).
-export([main/0]).
-include("anysock.hrl").

-define(MANY, 1000).

main() ->
    Pairs = [begin {0, First, Second} = anysock:pair("unix"), {First, Second} end || _ <- lists:seq(1, ?MANY)],
    Self = self(),
    [spawn_link(fun() -> Self ! {read, Second, receive_one(First)} end) || {First, Second} <- Pairs],
    %% Would wait for ever, if those held the one dirty scheduler.
    {-110, _} = patiently(hd(Pairs)),
    [1 = anysock:send(Second, <<"x">>, 0) || {_, Second} <- Pairs],
    [receive {read, Second, {1, <<"x">>}} -> ok end || {_, Second} <- Pairs],
    [{First, _} | _] = Pairs,
    spawn_link(fun() -> Self ! {closed, receive_one(First)} end),
    timer:sleep(20),
    0 = anysock_ready:close(First),
    receive {closed, ?ANYSOCK_ECANCELED} -> ok end,
    io:format("a thousand waited~n"),
    halt(0).

receive_one(Socket) ->
    anysock_ready:call(read, fun() -> anysock:recv(Socket, 1, ?ANYSOCK_FLAG_DONT_WAIT) end, Socket, infinity).

%% A call that waits, on the dirty scheduler.
patiently({_, Second}) ->
    0 = anysock:set(Second, ?ANYSOCK_OPT_TIMEOUT, 10 * ?ANYSOCK_MILLISECOND),
    anysock:read(Second, 1).
