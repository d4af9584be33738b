! Both ends of the conversation that every language has with every other (tests/languages/README.md).
program conversation
  use, intrinsic :: iso_fortran_env, only: error_unit, output_unit
  use anysock
  implicit none

  integer(c_int64_t), parameter :: patience = 30 * ANYSOCK_SECOND
  integer, parameter :: mebibyte = 1048576
  character(len=1), target :: room(2 * mebibyte)
  character(len=64) :: what, first, second

  call get_command_argument(1, what)
  call get_command_argument(2, first)
  call get_command_argument(3, second)
  if (command_argument_count() == 2 .and. what == "listen") then
    call serve(trim(first) // c_null_char)
  else if (command_argument_count() == 3 .and. what == "talk") then
    call talk(trim(first), trim(second) // c_null_char)
  else
    write (error_unit, "(a)") "usage: conversation listen ADDRESS | conversation talk ADDRESS NOBODY"
  end if

contains

  ! C's text as Fortran's, of which the first character is C's.
  function text(place) result(answer)
    type(c_ptr), intent(in) :: place
    character(len=:), allocatable :: answer
    character(len=1), pointer :: bytes(:)
    integer :: i
    call c_f_pointer(place, bytes, [64])
    answer = ""
    do i = 1, 64
      if (bytes(i) == c_null_char) return
      answer = answer // bytes(i)
    end do
  end function

  function name(code) result(answer)
    integer(c_int64_t), intent(in) :: code
    character(len=:), allocatable :: answer
    answer = text(anysock_error_name(code))
  end function

  subroutine check(code)
    integer(c_int64_t), intent(in) :: code
    if (code >= 0) return
    write (error_unit, "(2a)") "conversation: ", name(code)
    stop 1, quiet=.true.
  end subroutine

  function opened() result(socket)
    integer(c_int64_t) :: socket
    socket = anysock_open("tcp" // c_null_char)
    call check(socket)
  end function

  ! RFC 1950.
  function checksum(bytes) result(answer)
    character(len=1), intent(in) :: bytes(:)
    integer(c_int64_t) :: answer, a, b
    integer :: i
    a = 1
    b = 0
    do i = 1, size(bytes)
      a = mod(a + iachar(bytes(i)), 65521_c_int64_t)
      b = mod(b + a, 65521_c_int64_t)
    end do
    answer = b * 65536 + a
  end function

  ! Reads to the end, into room; how many bytes, or an error.
  function read_to_end(source) result(have)
    integer(c_int64_t), intent(in) :: source
    integer(c_int64_t) :: have, count
    have = 0
    do
      count = anysock_read(source, room(have + 1:), size(room) - have)
      if (count == 0) return
      if (count < 0) exit
      have = have + count
    end do
    have = count
  end function

  ! The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.
  subroutine answer_to(client)
    integer(c_int64_t), intent(in) :: client
    integer(c_int64_t) :: count, sent
    character(len=64) :: line
    count = read_to_end(client)
    if (count < 0) return
    write (line, "(i0, 1x, i0)") count, checksum(room(:count))
    line = trim(line) // new_line("a")
    sent = anysock_write_all(client, transfer(line, [" "]), len_trim(line, c_size_t))
    if (sent > 0) sent = anysock_write_all(client, room, count)
  end subroutine

  subroutine serve(address)
    character(len=*), intent(in) :: address
    integer(c_int64_t) :: listener, client
    character(len=64), target :: place
    listener = opened()
    call check(anysock_bind(listener, address))
    call check(anysock_listen(listener, 0))
    call check(anysock_local_address(listener, place, len(place, c_size_t)))
    print "(2a)", "listening on ", text(c_loc(place))
    flush (output_unit)
    do
      client = anysock_accept(listener)
      call check(client)
      call answer_to(client)
      call check(anysock_close(client))
    end do
  end subroutine

  ! The client: a line for each step.
  subroutine talk(address, nobody)
    character(len=*), intent(in) :: address, nobody
    integer(c_int64_t) :: other, server, count
    character(len=64), target :: place
    integer :: i
    other = opened()
    print "(2a)", "refused ", name(anysock_connect(other, nobody))
    call check(anysock_close(other))
    server = opened()
    call check(anysock_set(server, ANYSOCK_OPT_TIMEOUT, patience))
    call check(anysock_connect(server, "localhost" // address(index(address, ":", back=.true.):) // c_null_char))
    call check(anysock_peer_address(server, place, len(place, c_size_t)))
    print "(2a)", "connected ", text(c_loc(place))
    call check(anysock_set(server, ANYSOCK_OPT_TIMEOUT, 50_c_int64_t * ANYSOCK_MILLISECOND))
    print "(2a)", "silence ", name(anysock_read(server, room, 1_c_size_t))
    call check(anysock_set(server, ANYSOCK_OPT_TIMEOUT, patience))
    room(:mebibyte) = [(char(mod(i, 251)), i = 0, mebibyte - 1)]
    count = anysock_write_all(server, room, int(mebibyte, c_size_t))
    call check(count)
    call check(anysock_shutdown(server, ANYSOCK_SHUT_WRITE))
    call ready(server)
    call hear(server)
    print "(a)", "cancelled no threads"
    call check(anysock_close(server))
    print "(2a)", "gone ", name(anysock_read(server, room, 1_c_size_t))
  end subroutine

  ! Which of two has something to read: one to whom nobody speaks, or the server.
  subroutine ready(server)
    integer(c_int64_t), intent(in) :: server
    integer(c_int64_t) :: idle, other
    integer(c_int64_t), target :: both(2)
    type(anysock_handles), target :: set
    character(len=:), allocatable :: found
    call check(anysock_pair("tcp" // c_null_char, idle, other))
    both = [idle, server]
    set = anysock_handles(2, c_loc(both))
    call check(anysock_select(c_loc(set), c_null_ptr, c_null_ptr, patience))
    found = ""
    if (anysock_handles_has(c_loc(set), idle) == 1) found = found // " idle"
    if (anysock_handles_has(c_loc(set), server) == 1) found = found // " server"
    print "(2a)", "ready", found
    call check(anysock_close(idle))
    call check(anysock_close(other))
  end subroutine

  subroutine hear(server)
    integer(c_int64_t), intent(in) :: server
    integer(c_int64_t) :: count
    integer :: ends
    count = read_to_end(server)
    call check(count)
    ends = findloc(room(:count), new_line("a"), dim=1)
    print "(*(a))", "answer ", room(:ends - 1)
    print "(a, i0, 1x, i0)", "echo ", count - ends, checksum(room(ends + 1:count))
  end subroutine

end program
