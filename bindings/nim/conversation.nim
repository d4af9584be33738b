# Both ends of the conversation that every language has with every other (tests/languages/README.md).
import anysock
import std/[os, strutils]

const
  patience = 30 * ANYSOCK_SECOND
  mebibyte = 1 shl 20

proc name(code: int64): string = $anysock_error_name(code)

proc check(code: int64): int64 {.discardable.} =
  if code < 0: raise newException(IOError, name(code))
  code

# RFC 1950.
proc checksum(data: string): uint32 =
  var a, b: uint32
  a = 1
  for each in data:
    a = (a + each.uint32) mod 65521
    b = (b + a) mod 65521
  b shl 16 or a

proc readToEnd(source: anysock_t): string =
  var part = newString(65536)
  while true:
    let count = check anysock_read(source, addr part[0], part.len.csize_t)
    if count == 0: return
    result.add part[0 ..< count]

proc writeAll(target: anysock_t, data: string) =
  check anysock_write_all(target, data.cstring, data.len.csize_t)

# The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.
proc answer(client: anysock_t) =
  let all = readToEnd(client)
  writeAll client, $all.len & " " & $checksum(all) & "\n"
  writeAll client, all

proc addressOf(socket: anysock_t, ask: proc (h: anysock_t, text: cstring, capacity: csize_t): int64 {.cdecl.}): string =
  var text: array[64, char]
  check ask(socket, cast[cstring](addr text), text.len.csize_t)
  $cast[cstring](addr text)

proc serve(address: string) =
  let listener = check anysock_open("tcp")
  check anysock_bind(listener, address)
  check anysock_listen(listener, 0)
  echo "listening on ", addressOf(listener, anysock_local_address)
  stdout.flushFile
  while true:
    let client = check anysock_accept(listener)
    try: answer(client)
    except IOError as error: stderr.writeLine error.msg
    discard anysock_close(client)

# The client: a line for each step.

proc readOne(socket: anysock_t): string =
  var one: char
  name anysock_read(socket, addr one, 1)

# Which of two has something to read: one to whom nobody speaks, or the server.
proc ready(server: anysock_t): string =
  var idle, other: anysock_t
  check anysock_pair("tcp", addr idle, addr other)
  var both = [idle, server]
  var readable = anysock_handles(count: 2, handles: addr both[0])
  check anysock_select(addr readable, nil, nil, patience)
  if anysock_handles_has(addr readable, idle) == 1: result.add " idle"
  if anysock_handles_has(addr readable, server) == 1: result.add " server"
  for each in [idle, other]: discard anysock_close(each)

var blocked: tuple[socket: anysock_t, result: int64]

proc readBlocked() {.thread.} =
  var one: char
  blocked.result = anysock_read(blocked.socket, addr one, 1)

proc cancelled(): string =
  while true:
    var other: anysock_t
    var reader: Thread[void]
    check anysock_pair("tcp", addr blocked.socket, addr other)
    createThread(reader, readBlocked)
    sleep 20
    check anysock_close(blocked.socket)
    joinThread(reader)
    check anysock_close(other)
    # Else the thread came too late to be blocked.
    if blocked.result != ANYSOCK_EBADF: return name(blocked.result)

proc talk(address, nobody: string) =
  let other = check anysock_open("tcp")
  echo "refused ", name anysock_connect(other, nobody)
  check anysock_close(other)
  let server = check anysock_open("tcp")
  check anysock_set(server, ANYSOCK_OPT_TIMEOUT, patience)
  check anysock_connect(server, ("localhost:" & address.rsplit(':', 1)[1]).cstring)
  echo "connected ", addressOf(server, anysock_peer_address)
  check anysock_set(server, ANYSOCK_OPT_TIMEOUT, 50 * ANYSOCK_MILLISECOND)
  echo "silence ", readOne(server)
  check anysock_set(server, ANYSOCK_OPT_TIMEOUT, patience)
  var data = newString(mebibyte)
  for i in 0 ..< mebibyte: data[i] = chr(i mod 251)
  writeAll server, data
  check anysock_shutdown(server, ANYSOCK_SHUT_WRITE)
  echo "ready", ready(server)
  let parts = readToEnd(server).split('\n', 1)
  echo "answer ", parts[0], "\necho ", parts[1].len, " ", checksum(parts[1])
  echo "cancelled ", cancelled()
  check anysock_close(server)
  echo "gone ", readOne(server)

let arguments = commandLineParams()
if arguments.len == 2 and arguments[0] == "listen": serve(arguments[1])
elif arguments.len == 3 and arguments[0] == "talk": talk(arguments[1], arguments[2])
else: stderr.writeLine "usage: conversation listen ADDRESS | conversation talk ADDRESS NOBODY"
