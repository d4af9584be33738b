# Both ends of the conversation that every language has with every other (tests/languages/README.md):
# tclsh conversation.tcl FOLDER listen 127.0.0.1:0, where FOLDER has anysock.tcl and the extension.

lassign $argv folder what address nobody
source [file join $folder anysock.tcl]

set patience [expr {30 * $anysock::SECOND}]
set mebibyte [expr {1 << 20}]

proc check {answer} {
    if {[lindex $answer 0] < 0} {error [anysock::error_name [lindex $answer 0]]}
    return $answer
}

proc read_to_end {socket} {
    set all {}
    while {[lindex [set part [check [anysock::read $socket 65536]]] 0] > 0} {append all [lindex $part 1]}
    return $all
}

proc name {answer} {anysock::error_name [lindex $answer 0]}

proc timeout {socket time} {check [anysock::set $socket $anysock::OPT_TIMEOUT $time]}

# The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.
proc answer {client} {
    set all [read_to_end $client]
    check [anysock::write_all $client "[string length $all] [zlib adler32 $all]\n"]
    check [anysock::write_all $client $all]
}

proc serve {address} {
    set listener [check [anysock::open tcp]]
    check [anysock::bind $listener $address]
    check [anysock::listen $listener 0]
    puts "listening on [lindex [check [anysock::local_address $listener 64]] 1]"
    flush stdout
    while 1 {
        set client [check [anysock::accept $listener]]
        if {[catch {answer $client} why]} {puts stderr $why}
        anysock::close $client
    }
}

# The client: a line for each step.
proc talk {address nobody} {
    global patience mebibyte
    set other [check [anysock::open tcp]]
    puts "refused [name [anysock::connect $other $nobody]]"
    anysock::close $other
    set server [check [anysock::open tcp]]
    timeout $server $patience
    check [anysock::connect $server localhost:[lindex [split $address :] end]]
    puts "connected [lindex [check [anysock::peer_address $server 64]] 1]"
    timeout $server [expr {50 * $anysock::MILLISECOND}]
    puts "silence [name [anysock::read $server 1]]"
    timeout $server $patience
    for {set i 0} {$i < 251} {incr i} {lappend bytes $i}
    set block [binary format c* $bytes]
    check [anysock::write_all $server [string range [string repeat $block [expr {$mebibyte / 251 + 1}]] 0 $mebibyte-1]]
    check [anysock::shutdown $server $anysock::SHUT_WRITE]
    puts "ready [ready $server]"
    set all [read_to_end $server]
    set end [string first \n $all]
    set echo [string range $all $end+1 end]
    puts "answer [string range $all 0 $end-1]\necho [string length $echo] [zlib adler32 $echo]"
    puts "cancelled no threads"
    anysock::close $server
    puts "gone [name [anysock::read $server 1]]"
}

# Which of two has something to read: one to whom nobody speaks, or the server. An anysock_event begins with the token.
proc ready {server} {
    global patience
    set poller [check [anysock::poller_open]]
    lassign [check [anysock::pair tcp]] _ idle other
    check [anysock::poller_set $poller $idle $anysock::EVENT_READ 1]
    check [anysock::poller_set $poller $server $anysock::EVENT_READ 2]
    lassign [check [anysock::poller_wait $poller 8 $patience]] count events
    for {set at 0} {$at < $count} {incr at} {
        binary scan $events @[expr {24 * $at}]m token
        lappend names [lindex {{} idle server} $token]
    }
    foreach each [list $poller $idle $other] {anysock::close $each}
    return $names
}

if {$what eq "listen"} {serve $address} elseif {$what eq "talk"} {talk $address $nobody} else {
    puts stderr "usage: conversation.tcl FOLDER listen ADDRESS | conversation.tcl FOLDER talk ADDRESS NOBODY"
}
