# Waiting for many sockets: they are registered once, and a wait costs what is ready.
#
# SPDX-License-Identifier: MIT OR Apache-2.0

package Anysock::Poller;

use strict;
use warnings;

use parent 'Anysock::Handle';
use Anysock::Abi;
use Anysock::Error;
use Carp ();

# How many answers one wait gives; the next gives more.
use constant BATCH => 256;
# Fewer sockets than this are not looked through for closed ones.
use constant FEW => 64;

my $EVENT = $Anysock::Abi::LAYOUTS{anysock_event};
my %EVENTS = map { ($_ => Anysock::Abi->can('EVENT_' . uc)->()) } qw(read write except hangup error edge oneshot);

sub new {
    my ($class) = @_;
    my $self = $class->own(Anysock::Abi::anysock_poller_open());
    @$self{qw(sockets limit room)} = ({}, FEW, "\0" x (BATCH * $EVENT->{size}));
    return $self;
}

# Registers a socket, or changes what it is asked for: 'read', 'write', 'except', and with them 'edge', 'oneshot'. Without any it is
# taken out.
sub watch {
    my ($self, $socket, @events) = @_;
    my $asked = 0;
    $asked |= $EVENTS{$_} // Carp::croak("no event: $_") for @events;
    my $number = $socket->number;
    Anysock::Error->check(Anysock::Abi::anysock_poller_set($self->{number}, $number, $asked, $number));
    delete $self->{sockets}{$number};
    $self->{sockets}{$number} = $socket if $asked;
    $self->_forget_closed if keys %{ $self->{sockets} } >= $self->{limit};
    return;
}

# What is ready: pairs of a socket and a hash of its events. None at the timeout (seconds, undef for ever) and after `wake`.
sub wait {
    my ($self, $timeout) = @_;
    my $ended = defined $timeout ? Anysock::Handle::now() + $timeout : undef;
    my ($place) = Anysock::Handle::place($self->{room});
    my $wait = Anysock::Handle::microseconds($timeout);
    my $count;
    while (($count = Anysock::Abi::anysock_poller_wait($self->{number}, $place, BATCH, $wait)) == Anysock::Abi::EINTR) {
        next if !defined $ended;
        my $left = $ended - Anysock::Handle::now();
        $wait = Anysock::Handle::microseconds($left > 0 ? $left : 0);
    }
    return map { $self->_answer($_) } 0 .. Anysock::Error->check($count) - 1;
}

# Ends one wait, this or the next, from a signal's handler too.
sub wake {
    my ($self) = @_;
    Anysock::Error->check(Anysock::Abi::anysock_poller_wake($self->{number}));
    return;
}

# Nothing tells a poller that a socket was closed: it drops those that are whenever its sockets have doubled in number.
sub _forget_closed {
    my ($self) = @_;
    my $sockets = $self->{sockets};
    delete @$sockets{ grep { $sockets->{$_}{closed} } keys %$sockets };
    my $limit = 2 * keys %$sockets;
    $self->{limit} = $limit > FEW ? $limit : FEW;
    return;
}

sub _answer {
    my ($self, $at) = @_;
    my ($number, undef, $events) = unpack $EVENT->{pack}, substr $self->{room}, $at * $EVENT->{size}, $EVENT->{size};
    return [$self->{sockets}{$number}, { map { ($_ => 1) } grep { $events & $EVENTS{$_} } keys %EVENTS }];
}

1;
