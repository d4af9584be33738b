--  Both ends of the conversation that every language has with every other (tests/languages/README.md).

with Ada.Command_Line;      use Ada.Command_Line;
with Ada.Strings.Fixed;     use Ada.Strings.Fixed;
with Ada.Strings.Unbounded; use Ada.Strings.Unbounded;
with Ada.Text_IO;           use Ada.Text_IO;
with Anysock;               use Anysock;
with Interfaces;            use Interfaces;
with Interfaces.C;          use Interfaces.C;
with Interfaces.C.Strings;  use Interfaces.C.Strings;
with System;                use System;

procedure Conversation is

   Failure : exception;

   Patience : constant := 30 * ANYSOCK_SECOND;
   Mebibyte : constant := 1_048_576;

   type Text_Access is access String;
   Room : constant Text_Access := new String (1 .. 2 * Mebibyte);

   function Name (Code : Integer_64) return String is (Value (anysock_error_name (Code)));

   function Check (Code : Integer_64) return Integer_64 is
     (if Code < 0 then raise Failure with Name (Code) else Code);

   procedure Check (Code : Integer_64) is
   begin
      if Code < 0 then
         raise Failure with Name (Code);
      end if;
   end Check;

   --  A number without the blank that stands for a sign.
   function Image (Number : Long_Long_Integer) return String is (Trim (Number'Image, Ada.Strings.Left));

   --  RFC 1950.
   function Checksum (Data : String) return String is
      A : Unsigned_32 := 1;
      B : Unsigned_32 := 0;
   begin
      for Each of Data loop
         A := (A + Character'Pos (Each)) mod 65_521;
         B := (B + A) mod 65_521;
      end loop;
      return Image (Long_Long_Integer (B * 65_536 + A));
   end Checksum;

   --  Reads to the end, into Room; how many bytes.
   function Read_To_End (From : anysock_t) return Natural is
      Have  : Natural := 0;
      Count : Integer_64;
   begin
      loop
         Count := Check (anysock_read (From, Room (Have + 1)'Address, size_t (Room'Length - Have)));
         exit when Count = 0;
         Have := Have + Natural (Count);
      end loop;
      return Have;
   end Read_To_End;

   procedure Write_All (To : anysock_t; Data : String) is
   begin
      Check (anysock_write_all (To, Data'Address, Data'Length));
   end Write_All;

   --  The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.

   procedure Answer (Client : anysock_t) is
      Count : constant Natural := Read_To_End (Client);
   begin
      Write_All (Client, Image (Long_Long_Integer (Count)) & " " & Checksum (Room (1 .. Count)) & ASCII.LF);
      Write_All (Client, Room (1 .. Count));
   exception
      when Failure => null;
   end Answer;

   procedure Serve (Address : String) is
      Listener : constant anysock_t := Check (anysock_open (To_C ("tcp")));
      Client   : anysock_t;
      Text     : aliased char_array := (1 .. 64 => nul);
   begin
      Check (anysock_bind (Listener, To_C (Address)));
      Check (anysock_listen (Listener, 0));
      Check (anysock_local_address (Listener, Text'Address, Text'Length));
      Put_Line ("listening on " & To_Ada (Text));
      Flush;
      loop
         Client := Check (anysock_accept (Listener));
         Answer (Client);
         Check (anysock_close (Client));
      end loop;
   end Serve;

   --  The client: a line for each step.

   --  Which of two has something to read: one to whom nobody speaks, or the server.
   function Ready (Server : anysock_t) return String is
      Idle, Other : aliased anysock_t;
   begin
      Check (anysock_pair (To_C ("tcp"), Idle'Address, Other'Address));
      declare
         Both     : array (1 .. 2) of aliased anysock_t := (Idle, Server);
         Readable : aliased anysock_handles := (2, Both'Address);
         Found    : Unbounded_String;
      begin
         Check (anysock_select (Readable'Address, Null_Address, Null_Address, Patience));
         if anysock_handles_has (Readable'Address, Idle) = 1 then
            Append (Found, " idle");
         end if;
         if anysock_handles_has (Readable'Address, Server) = 1 then
            Append (Found, " server");
         end if;
         Check (anysock_close (Idle));
         Check (anysock_close (Other));
         return To_String (Found);
      end;
   end Ready;

   procedure Hear (Server : anysock_t) is
      Count : constant Natural := Read_To_End (Server);
      Stop  : constant Positive := Index (Room (1 .. Count), (1 => ASCII.LF));
   begin
      Put_Line ("answer " & Room (1 .. Stop - 1));
      Put_Line ("echo " & Image (Long_Long_Integer (Count - Stop)) & " " & Checksum (Room (Stop + 1 .. Count)));
   end Hear;

   function Read_One (Socket : anysock_t) return Integer_64 is
      One : aliased Unsigned_8;
   begin
      return anysock_read (Socket, One'Address, 1);
   end Read_One;

   function Cancelled return String is
      Idle, Other : aliased anysock_t;
      Result      : Integer_64 := 0;
   begin
      loop
         Check (anysock_pair (To_C ("tcp"), Idle'Address, Other'Address));
         declare
            task Reader;
            task body Reader is
            begin
               Result := Read_One (Idle);
            end Reader;
         begin
            delay 0.02;
            Check (anysock_close (Idle));
         end;
         Check (anysock_close (Other));
         --  Else the task came too late to be blocked.
         exit when Result /= ANYSOCK_EBADF;
      end loop;
      return Name (Result);
   end Cancelled;

   procedure Talk (Address, Nobody : String) is
      Other  : constant anysock_t := Check (anysock_open (To_C ("tcp")));
      Server : constant anysock_t := Check (anysock_open (To_C ("tcp")));
      Text   : aliased char_array := (1 .. 64 => nul);
      Port   : constant Positive := Index (Address, ":", Ada.Strings.Backward);
      Data   : String renames Room (1 .. Mebibyte);
   begin
      Put_Line ("refused " & Name (anysock_connect (Other, To_C (Nobody))));
      Check (anysock_close (Other));
      Check (anysock_set (Server, To_C (ANYSOCK_OPT_TIMEOUT), Patience));
      Check (anysock_connect (Server, To_C ("localhost" & Address (Port .. Address'Last))));
      Check (anysock_peer_address (Server, Text'Address, Text'Length));
      Put_Line ("connected " & To_Ada (Text));
      Check (anysock_set (Server, To_C (ANYSOCK_OPT_TIMEOUT), 50 * ANYSOCK_MILLISECOND));
      Put_Line ("silence " & Name (Read_One (Server)));
      Check (anysock_set (Server, To_C (ANYSOCK_OPT_TIMEOUT), Patience));
      for I in Data'Range loop
         Data (I) := Character'Val ((I - 1) mod 251);
      end loop;
      Write_All (Server, Data);
      Check (anysock_shutdown (Server, ANYSOCK_SHUT_WRITE));
      Put_Line ("ready" & Ready (Server));
      Hear (Server);
      Put_Line ("cancelled " & Cancelled);
      Check (anysock_close (Server));
      Put_Line ("gone " & Name (Read_One (Server)));
   end Talk;

begin
   if Argument_Count = 2 and then Argument (1) = "listen" then
      Serve (Argument (2));
   elsif Argument_Count = 3 and then Argument (1) = "talk" then
      Talk (Argument (2), Argument (3));
   else
      Put_Line (Standard_Error, "usage: conversation listen ADDRESS | conversation talk ADDRESS NOBODY");
   end if;
end Conversation;
