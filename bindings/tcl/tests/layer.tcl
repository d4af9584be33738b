# What the extension makes of Tcl's values: sizes that are none, bytes. Not here: what the library does.
# tclsh layer.tcl FOLDER, where FOLDER has anysock.tcl and the extension.

source [file join [lindex $argv 0] anysock.tcl]

proc equal {is should} {if {$is ne $should} {error "$is and not $should"}}
proc refused {args} {if {![catch {uplevel $args} said]} {error "$args: $said"}}

lassign [anysock::pair unix] answer first second
equal $answer 0

# More than was asked for does not fit, whatever a number is cut to.
anysock::write_all $first [string repeat x 1000]
foreach size {-1 4294967297 9223372036854775807} {refused anysock::read $second $size}
equal [anysock::read $second 0] {0 {}}
equal [anysock::read $second 1000] [list 1000 [string repeat x 1000]]

set bytes [binary format H* 00ff80e282ac]
equal [anysock::write_all $first $bytes] 6
equal [anysock::read $second 100] [list 6 $bytes]
# A character that is no byte: Tcl 8.6 takes what fits.
if {[package vsatisfies [info tclversion] 9]} {refused anysock::write_all $first "\u20ac"}

foreach socket [list $first $second] {equal [anysock::close $socket] 0}
