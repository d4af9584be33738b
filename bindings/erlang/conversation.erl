%% Both ends of the conversation that every language has with every other (tests/languages/README.md). A process that waits holds no
%% thread; only a connect does, on a dirty scheduler.
-module(conversation).
-export([main/0]).
-include("anysock.hrl").

-define(PATIENCE, 30000).
-define(MEBIBYTE, 1048576).
-define(PART, 65536).

main() ->
    case init:get_plain_arguments() of
        ["listen", Address] -> serve(Address);
        ["talk", Address, Nobody] -> talk(Address, Nobody);
        _ -> io:format(standard_error, "usage: conversation listen ADDRESS | conversation talk ADDRESS NOBODY~n", [])
    end,
    halt().

name(Code) -> anysock:error_name(Code).

check(Answer) when is_integer(Answer), Answer < 0 -> error(name(Answer));
check(Answer) -> Answer.

recv(Socket, Size, Timeout) ->
    anysock_ready:call(read, fun() -> anysock:recv(Socket, Size, ?ANYSOCK_FLAG_DONT_WAIT) end, Socket, Timeout).

read_to_end(Socket, All) ->
    case check(recv(Socket, ?PART, ?PATIENCE)) of
        {0, _} -> iolist_to_binary(lists:reverse(All));
        {Count, Bytes} when Count > 0 -> read_to_end(Socket, [Bytes | All]);
        {Error, _} -> error(name(Error))
    end.

write_all(_, <<>>) -> ok;
write_all(Socket, Bytes) ->
    Send = fun() -> anysock:send(Socket, Bytes, ?ANYSOCK_FLAG_DONT_WAIT) end,
    Count = check(anysock_ready:call(write, Send, Socket, ?PATIENCE)),
    write_all(Socket, binary:part(Bytes, Count, byte_size(Bytes) - Count)).

read_one(Socket, Timeout) ->
    case recv(Socket, 1, Timeout) of
        {Error, _} -> name(Error);
        Error -> name(Error)
    end.

%% The server, a process for each client: reads it to its end, and answers with how much that was, its checksum, and all of it.

serve(Address) ->
    Listener = check(anysock:open("tcp")),
    check(anysock:bind(Listener, Address)),
    check(anysock:listen(Listener, 0)),
    check(anysock:set(Listener, ?ANYSOCK_OPT_TIMEOUT, 0)),
    {_, Own} = anysock:local_address(Listener, 64),
    io:format("listening on ~s~n", [Own]),
    accept(Listener).

accept(Listener) ->
    Client = check(anysock_ready:call(read, fun() -> anysock:accept(Listener) end, Listener, infinity)),
    spawn(fun() -> answer(Client) end),
    accept(Listener).

answer(Client) ->
    All = read_to_end(Client, []),
    write_all(Client, iolist_to_binary(io_lib:format("~b ~b\n", [byte_size(All), erlang:adler32(All)]))),
    write_all(Client, All),
    anysock_ready:close(Client).

%% The client: a line for each step.

talk(Address, Nobody) ->
    Other = check(anysock:open("tcp")),
    io:format("refused ~s~n", [name(anysock:connect(Other, Nobody))]),
    anysock:close(Other),
    Server = check(anysock:open("tcp")),
    [_, Port] = string:split(Address, ":", trailing),
    check(anysock:connect(Server, "localhost:" ++ Port)),
    {_, Peer} = anysock:peer_address(Server, 64),
    io:format("connected ~s~nsilence ~s~n", [Peer, read_one(Server, 50)]),
    write_all(Server, list_to_binary([I rem 251 || I <- lists:seq(0, ?MEBIBYTE - 1)])),
    check(anysock:shutdown(Server, ?ANYSOCK_SHUT_WRITE)),
    io:format("ready ~s~n", [ready(Server)]),
    [Line, Echo] = binary:split(read_to_end(Server, []), <<"\n">>),
    io:format("answer ~s~necho ~b ~b~n", [Line, byte_size(Echo), erlang:adler32(Echo)]),
    io:format("cancelled ~s~n", [cancelled()]),
    anysock_ready:close(Server),
    io:format("gone ~s~n", [read_one(Server, ?PATIENCE)]).

%% Which of two has something to read, a process waiting for each: one to whom nobody speaks, or the server.
ready(Server) ->
    {0, Idle, Other} = anysock:pair("tcp"),
    Self = self(),
    [spawn(fun() -> 0 = anysock_ready:wait(Socket, read, ?PATIENCE), Self ! {ready, Name} end)
        || {Name, Socket} <- [{"idle", Idle}, {"server", Server}]],
    Ready = receive {ready, Name} -> Name end,
    anysock:close(Idle),
    anysock:close(Other),
    Ready.

cancelled() ->
    {0, Idle, Other} = anysock:pair("tcp"),
    Self = self(),
    Reader = spawn(fun() -> Self ! {self(), read_one(Idle, ?PATIENCE)} end),
    timer:sleep(20),
    anysock_ready:close(Idle),
    Said = receive {Reader, Name} -> Name end,
    anysock:close(Other),
    %% Else the process came too late to be waiting.
    case Said of
        "EBADF" -> cancelled();
        _ -> Said
    end.
