# A read for which nothing comes: Ctrl-C ends the program. Started by bindings/perl/test.

use strict;
use warnings;
use Anysock;

my ($first, $second) = Anysock->pair;
local $| = 1;
print "waiting\n";
$first->read;
