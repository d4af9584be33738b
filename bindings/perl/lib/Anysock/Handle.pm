# What sockets and pollers share: a number of the library, options, closing, waiting.
#
# SPDX-License-Identifier: MIT OR Apache-2.0

package Anysock::Handle;

use strict;
use warnings;

use Anysock::Abi;
use Anysock::Error;
use Carp ();
use FFI::Platypus::Buffer ();
use POSIX ();
use Time::HiRes ();

# Takes over a handle of the C interface.
sub own {
    my ($class, $number) = @_;
    my $self = bless { number => Anysock::Error->check($number) }, $class;
    # A signal ends a wait, so that Perl can run its handler.
    $self->set(Anysock::Abi::OPT_INTERRUPTIBLE, 1);
    return $self;
}

# The number for the C interface.
sub number { return $_[0]{number} }

# Closes it at once. A second time does nothing.
sub close {
    my ($self) = @_;
    return if $self->{closed}++;
    Anysock::Error->check(Anysock::Abi::anysock_close($self->{number}));
    return;
}

sub DESTROY {
    my ($self) = @_;
    # At the end of the program the functions may be gone already; the system closes then.
    return if ${^GLOBAL_PHASE} eq 'DESTRUCT' || $self->{closed}++;
    Anysock::Abi::anysock_close($self->{number}) if defined $self->{number};
    return;
}

# An option by its name in the manual. A time is in microseconds.
sub get {
    my ($self, $option) = @_;
    my $value = "\0" x 8;
    my ($place) = place($value);
    Anysock::Error->check(Anysock::Abi::anysock_get($self->{number}, text($option), $place));
    return unpack 'q', $value;
}

sub set {
    my ($self, $option, $value) = @_;
    Anysock::Error->check(Anysock::Abi::anysock_set($self->{number}, text($option), $value));
    return;
}

sub get_text {
    my ($self, $option) = @_;
    return filled(sub { Anysock::Abi::anysock_get_text($self->{number}, text($option), @_) });
}

sub set_text {
    my ($self, $option, $value) = @_;
    Anysock::Error->check(Anysock::Abi::anysock_set_text($self->{number}, text($option), text($value)));
    return;
}

# A thread of Perl's is not given copies, which would close the handle a second time.
sub CLONE_SKIP { return 1 }

# Nor is there another copy, for the same reason.
sub STORABLE_freeze { Carp::croak('a handle has one owner') }

# The system's own descriptor, lent.
sub fileno { return Anysock::Error->check(Anysock::Abi::anysock_fd($_[0]{number})) }

# What the layer itself uses.

# Where the bytes of a string lie, and how many there are.
sub place { return FFI::Platypus::Buffer::scalar_to_buffer($_[0]) }

# C ends a text at its NUL: one that has more behind it is no text.
sub text {
    my ($text) = @_;
    Carp::croak('no text') if !defined $text || $text =~ /\0/;
    utf8::encode($text) if utf8::is_utf8($text);
    return $text;
}

# undef is for ever.
sub microseconds {
    my ($seconds) = @_;
    return -1 if !defined $seconds;
    Carp::croak("no time: $seconds") if !($seconds >= 0);
    # Three hundred years are for ever, and more would not fit.
    return $seconds > 9e9 ? -1 : POSIX::ceil($seconds * Anysock::Abi::SECOND);
}

# A text of any length from a function that fills memory.
sub filled {
    my ($call) = @_;
    for (my $size = 128;;) {
        my $room = "\0" x $size;
        my $length = Anysock::Error->check($call->(place($room)));
        return substr $room, 0, $length if $length < $size;
        $size = $length + 1;
    }
}

sub now { return Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) }

1;
