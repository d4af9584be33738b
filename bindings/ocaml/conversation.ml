(* Both ends of the conversation that every language has with every other (tests/languages/README.md). *)
open Ctypes
open Anysock

let patience = 30 * anysock_second
let mebibyte = 1 lsl 20
let name = anysock_error_name
let check code = if code < 0 then failwith (name code) else code
let run code = ignore (check code)

(* RFC 1950. *)
let checksum data =
  let a = ref 1 and b = ref 0 in
  String.iter (fun byte -> a := (!a + Char.code byte) mod 65521; b := (!b + !a) mod 65521) data;
  (!b lsl 16) lor !a

(* OCaml's collector moves its bytes, so that the library is given C's. *)
let room = allocate_n char ~count:65536

let read_to_end from =
  let all = Buffer.create mebibyte in
  let rec more () =
    let count = check (anysock_read from (to_voidp room) 65536) in
    if count > 0 then (Buffer.add_string all (string_from_ptr room ~length:count); more ())
  in
  more ();
  Buffer.contents all

let write_all socket data =
  run (anysock_write_all socket (to_voidp (CArray.start (CArray.of_string data))) (String.length data))

let read_one socket = anysock_read socket (to_voidp (allocate_n char ~count:1)) 1

let text ask socket =
  let place = allocate_n char ~count:64 in
  let length = check (ask socket (to_voidp place) 64) in
  string_from_ptr place ~length

let port address = String.sub address (String.rindex address ':') (String.length address - String.rindex address ':')

(* The server: reads a client to its end, and answers with how much that was, its checksum, and all of it. *)
let answer client =
  let all = read_to_end client in
  write_all client (Printf.sprintf "%d %d\n" (String.length all) (checksum all));
  write_all client all

let serve address =
  let listener = check (anysock_open "tcp") in
  run (anysock_bind listener address);
  run (anysock_listen listener 0);
  Printf.printf "listening on %s\n%!" (text anysock_local_address listener);
  while true do
    let client = check (anysock_accept listener) in
    (try answer client with Failure why -> prerr_endline why);
    run (anysock_close client)
  done

(* The client: a line for each step. *)

let pair () =
  let first = allocate anysock_t 0 and second = allocate anysock_t 0 in
  run (anysock_pair "tcp" (to_voidp first) (to_voidp second));
  (!@first, !@second)

(* Which of two has something to read: one to whom nobody speaks, or the server. *)
let ready server =
  let idle, other = pair () in
  let both = CArray.of_list anysock_t [ idle; server ] in
  let set = make anysock_handles in
  setf set anysock_handles_count 2;
  setf set anysock_handles_handles (to_voidp (CArray.start both));
  let place = to_voidp (addr set) in
  run (anysock_select place null null patience);
  let named = List.filter (fun (_, socket) -> anysock_handles_has place socket = 1) [ ("idle", idle); ("server", server) ] in
  run (anysock_close idle);
  run (anysock_close other);
  String.concat " " (List.map fst named)

let hear server =
  let all = read_to_end server in
  let stop = String.index all '\n' in
  let echo = String.sub all (stop + 1) (String.length all - stop - 1) in
  Printf.printf "answer %s\necho %d %d\n" (String.sub all 0 stop) (String.length echo) (checksum echo)

let rec cancelled () =
  let idle, other = pair () in
  let result = ref 0 in
  let reader = Thread.create (fun () -> result := read_one idle) () in
  Thread.delay 0.02;
  run (anysock_close idle);
  Thread.join reader;
  run (anysock_close other);
  (* Else the thread came too late to be blocked. *)
  if !result = anysock_ebadf then cancelled () else name !result

let talk address nobody =
  let other = check (anysock_open "tcp") in
  Printf.printf "refused %s\n" (name (anysock_connect other nobody));
  run (anysock_close other);
  let server = check (anysock_open "tcp") in
  run (anysock_set server anysock_opt_timeout patience);
  run (anysock_connect server ("localhost" ^ port address));
  Printf.printf "connected %s\n" (text anysock_peer_address server);
  run (anysock_set server anysock_opt_timeout (50 * anysock_millisecond));
  Printf.printf "silence %s\n" (name (read_one server));
  run (anysock_set server anysock_opt_timeout patience);
  write_all server (String.init mebibyte (fun i -> Char.chr (i mod 251)));
  run (anysock_shutdown server anysock_shut_write);
  Printf.printf "ready %s\n" (ready server);
  hear server;
  Printf.printf "cancelled %s\n" (cancelled ());
  run (anysock_close server);
  Printf.printf "gone %s\n" (name (read_one server))

let () =
  match Array.to_list Sys.argv |> List.tl with
  | [ "listen"; address ] -> serve address
  | [ "talk"; address; nobody ] -> talk address nobody
  | _ -> prerr_endline "usage: conversation listen ADDRESS | conversation talk ADDRESS NOBODY"
