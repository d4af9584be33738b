# What a call that fails dies with: `$error->name eq 'ECONNREFUSED'`, `"$error"`.
#
# SPDX-License-Identifier: MIT OR Apache-2.0

package Anysock::Error;

use strict;
use warnings;

use Anysock::Abi;
use Carp ();
use overload '""' => \&as_text, bool => sub { 1 }, fallback => 1;

# Errors are told of the line that called the layer.
$Carp::Internal{$_}++ for qw(Anysock Anysock::Error Anysock::Handle Anysock::Poller Anysock::Socket);

# As "ECONNREFUSED".
sub name { return $Anysock::Abi::ERROR_NAMES{ $_[0]{code} } // Anysock::Abi::anysock_error_name($_[0]{code}) }

# The library's number: Linux's, negated, on every system.
sub code { return $_[0]{code} }

sub message { return Anysock::Abi::anysock_error_message($_[0]{code}) }

sub as_text {
    my ($self) = @_;
    return sprintf '%s (%s)%s', $self->message, $self->name, $self->{place};
}

# The answer of a call; an error dies in the name of who called the layer.
sub check {
    my ($class, $result) = @_;
    return $result if $result >= 0;
    die bless { code => $result, place => Carp::shortmess('') =~ s/\n\z//r }, $class;
}

1;
