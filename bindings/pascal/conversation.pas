{ Both ends of the conversation that every language has with every other (tests/languages/README.md). }
{$mode objfpc}{$H+}
program conversation;

uses
  cthreads, sysutils, classes, anysock;

const
  Patience = 30 * ANYSOCK_SECOND;
  Mebibyte = 1 shl 20;

type
  { Reads a byte, and keeps what the call says. }
  TReader = class(TThread)
    Socket, Answer: int64;
    procedure Execute; override;
  end;

procedure TReader.Execute;
var
  One: byte;
begin
  Answer := anysock_read(Socket, @One, 1);
end;

function Check(Code: int64): int64;
begin
  if Code < 0 then
    raise Exception.Create(anysock_error_name(Code));
  Result := Code;
end;

{ RFC 1950. }
function Checksum(const Data: string): longword;
var
  A, B: longword;
  I: sizeint;
begin
  A := 1;
  B := 0;
  for I := 1 to Length(Data) do begin
    A := (A + Ord(Data[I])) mod 65521;
    B := (B + A) mod 65521;
  end;
  Result := B shl 16 or A;
end;

function ReadToEnd(Source: int64): string;
var
  Have: sizeint = 0;
  Count: int64;
begin
  SetLength(Result, 2 * Mebibyte);
  repeat
    Count := Check(anysock_read(Source, @Result[Have + 1], Length(Result) - Have));
    Have := Have + Count;
  until Count = 0;
  SetLength(Result, Have);
end;

procedure WriteAll(Target: int64; const Data: string);
begin
  Check(anysock_write_all(Target, pchar(Data), Length(Data)));
end;

{ The server: reads a client to its end, and answers with how much that was, its checksum, and all of it. }
procedure Answer(Client: int64);
var
  All: string;
begin
  All := ReadToEnd(Client);
  WriteAll(Client, Format('%d %u', [Length(All), Checksum(All)]) + #10);
  WriteAll(Client, All);
end;

procedure Serve(const Address: string);
var
  Listener, Client: int64;
  Text: array[0..63] of char;
begin
  Listener := Check(anysock_open('tcp'));
  Check(anysock_bind(Listener, pchar(Address)));
  Check(anysock_listen(Listener, 0));
  Check(anysock_local_address(Listener, Text, SizeOf(Text)));
  WriteLn('listening on ', Text);
  Flush(Output);
  while True do begin
    Client := Check(anysock_accept(Listener));
    try
      Answer(Client);
    except
      on E: Exception do WriteLn(StdErr, E.Message);
    end;
    anysock_close(Client);
  end;
end;

{ The client: a line for each step. }

{ Which of two has something to read: one to whom nobody speaks, or the server. }
function Ready(Server: int64): string;
var
  Idle, Other: int64;
  Both: array[0..1] of int64;
  Readable: anysock_handles;
begin
  Check(anysock_pair('tcp', @Idle, @Other));
  Both[0] := Idle;
  Both[1] := Server;
  Readable.count := 2;
  Readable.handles := @Both;
  Check(anysock_select(@Readable, nil, nil, Patience));
  Result := '';
  if anysock_handles_has(@Readable, Idle) = 1 then Result := Result + ' idle';
  if anysock_handles_has(@Readable, Server) = 1 then Result := Result + ' server';
  Check(anysock_close(Idle));
  Check(anysock_close(Other));
end;

procedure Hear(Server: int64);
var
  All, Echo: string;
  Ends: sizeint;
begin
  All := ReadToEnd(Server);
  Ends := Pos(#10, All);
  Echo := Copy(All, Ends + 1, Length(All));
  WriteLn('answer ', Copy(All, 1, Ends - 1));
  WriteLn('echo ', Length(Echo), ' ', Checksum(Echo));
end;

function Cancelled: string;
var
  Idle, Other: int64;
  Reader: TReader;
begin
  repeat
    Check(anysock_pair('tcp', @Idle, @Other));
    Reader := TReader.Create(True);
    Reader.Socket := Idle;
    Reader.Start;
    Sleep(20);
    Check(anysock_close(Idle));
    Reader.WaitFor;
    Check(anysock_close(Other));
    { Else the thread came too late to be blocked. }
  until Reader.Answer <> ANYSOCK_EBADF;
  Result := anysock_error_name(Reader.Answer);
end;

procedure Talk(const Address, Nobody: string);
var
  Server, Other: int64;
  Text: array[0..63] of char;
  Data: string;
  I: sizeint;
begin
  Other := Check(anysock_open('tcp'));
  WriteLn('refused ', anysock_error_name(anysock_connect(Other, pchar(Nobody))));
  Check(anysock_close(Other));
  Server := Check(anysock_open('tcp'));
  Check(anysock_set(Server, ANYSOCK_OPT_TIMEOUT, Patience));
  Check(anysock_connect(Server, pchar('localhost' + Copy(Address, LastDelimiter(':', Address), 6))));
  Check(anysock_peer_address(Server, Text, SizeOf(Text)));
  WriteLn('connected ', Text);
  Check(anysock_set(Server, ANYSOCK_OPT_TIMEOUT, 50 * ANYSOCK_MILLISECOND));
  WriteLn('silence ', anysock_error_name(anysock_read(Server, @Text, 1)));
  Check(anysock_set(Server, ANYSOCK_OPT_TIMEOUT, Patience));
  SetLength(Data, Mebibyte);
  for I := 1 to Mebibyte do
    Data[I] := Chr((I - 1) mod 251);
  WriteAll(Server, Data);
  Check(anysock_shutdown(Server, ANYSOCK_SHUT_WRITE));
  WriteLn('ready', Ready(Server));
  Hear(Server);
  WriteLn('cancelled ', Cancelled);
  Check(anysock_close(Server));
  WriteLn('gone ', anysock_error_name(anysock_read(Server, @Text, 1)));
end;

begin
  if (ParamCount = 2) and (ParamStr(1) = 'listen') then
    Serve(ParamStr(2))
  else if (ParamCount = 3) and (ParamStr(1) = 'talk') then
    Talk(ParamStr(2), ParamStr(3))
  else
    WriteLn(StdErr, 'usage: conversation listen ADDRESS | conversation talk ADDRESS NOBODY');
end.
