#!/usr/bin/perl
# vxfleet's hand on a host. The controller sends this text over one SSH exec and keeps its stdin open for the whole run; nothing is
# installed. Needed: perl-base, iproute2, coreutils, and ifupdown or ifupdown2. The protocol, and why it is safe: docs/protocol.md.
#
# Its parts stand in program/ and are put in their places before it is sent (host-program.ts). In front of it stands %RUN:
#   nonce     random word that begins every line of an answer, so that nothing a command prints can be taken for one
#   id        the run's random id: a leftover of another run is never mistaken for ours
#   window    seconds a trial may go on without a word from the controller before this host ends it alone
#   writes    `yes` when the run may change something; without it every verb that does is refused
#   operator, since, command
#             user@controller, when the run began (UTC) and what it does: for whoever finds its lock or its generations
#
# Commands arrive on stdin, one line each, and may be pipelined; answers may overtake each other:
#   SEQ VERB LENGTH ARGUMENT...\n  followed by LENGTH bytes of payload
# An answer is any number of lines "NONCE SEQ KEY VALUE" (a repeated KEY goes on with the same value; in values \\ is a backslash and
# \n a newline), then one "NONCE SEQ ! ok" or "NONCE SEQ ! REASON text". Two commands have no answer: `alive`, a sign of life, and `load`,
# whose payload is a part of the program that few need, sent before the first command of it: packets.pl, and change.pl, which changes something.
#
# Everything happens in one event loop (loop.pl): a function that has to wait takes what is to be done then as its last argument, $done or
# $then, and says in its comment with what that is called.
#
# Verbs that look (IF is a tunnel's interface, vxlanNN); those that send packets are in packets.pl, those that change in change.pl:
#   inspect                 this host's facts; payload: lines for `ip -batch`, an empty line, lines for `ip -6 -batch`; one JSON document
#                           each in the answer
#   state                   what the kernel has; payload: `ip -6 -batch` lines as above, those for links last
#   history [IF...]         the heads of the kept records, of all tunnels or of these
#   generation IF NAME      one record, whole
use strict;
use warnings;

our (%RUN, $PROGRAM, $GUARD_OF, $LOCK);

# Where ifup looks too (ifupdown 0.8: execute.c, set_environ); what it does not need may also be where the login's own PATH has it.
our $IFUP_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
our $INTERFACES_D = '/etc/network/interfaces.d';
our $TRIALS = '/run/vxfleet';
our $STORE = '/var/lib/vxfleet';

# -w asks access(2), as the pragma filetest makes it, which perl-base does not have: a read-only file system and chattr +i count.
BEGIN { $^H |= 0x0040_0000 }

@ENV{qw(LC_ALL PATH)} = ('C', $IFUP_PATH . (defined $ENV{PATH} ? ":$ENV{PATH}" : ''));
umask 077;

require './program/loop.pl';
require './program/answers.pl';
require './program/files.pl';
require './program/state.pl';
require './program/kernel.pl';
require './program/records.pl';
require './program/inspect.pl';

# What each command does: called with its job (sequence, payload) and its arguments, it has to finish() the job or to fail() it.
our %VERBS = (inspect => \&inspect, state => \&kernel_state, history => \&history, generation => \&generation);
# What change.pl does at a sign of life, and at the end of the session.
our ($on_life, $on_end) = (sub { }, sub { });

my ($input, $heard, $is_ending) = ('', 0, 0);

sub is_ending { return $is_ending }

sub kernel_state {
    my ($job) = @_;
    ask_kernel($job->{payload}, sub { reply($job, 'network', $_[0]); finish($job) });
    return;
}

sub take_input {
    my $got = sysread STDIN, $input, 65_536, length $input;
    return if !defined $got && would_block();
    return end_session() if !$got;
    $heard = now();
    while ($input =~ /^([^\n]*)\n/) {
        my ($sequence, $verb, $length, @words) = split ' ', $1;
        my $begin = length($1) + 1;
        last if length($input) < $begin + $length;
        my $payload = substr $input, $begin, $length;
        substr $input, 0, $begin + $length, '';
        if ($verb eq 'alive') { $on_life->() }
        elsif ($verb eq 'load') { load($payload) }
        else { begin({ sequence => $sequence, payload => $payload }, $verb, @words) }
    }
    return;
}

sub load {
    my ($text) = @_;
    $PROGRAM .= $text;
    eval "$text; 1" or die $@;
    return;
}

sub begin {
    my ($job, $verb, @words) = @_;
    return $VERBS{$verb}->($job, @words) if $VERBS{$verb};
    return fail($job, 'protocol', $RUN{writes} eq 'yes' ? "unknown command $verb" : "$verb in a run that changes nothing");
}

# No more commands will come: let changes end, and answers go out.
sub end_session {
    return if $is_ending++;
    $SIG{$_} = 'IGNORE' for qw(TERM INT);
    forget(*STDIN);
    $on_end->();
    my $ends = now() + 5;
    turn() while is_sending() && now() < $ends;
    exit 0;
}

sub main {
    # Every clock and every process is read from there. The status is one that the controller knows (starter.ts).
    if (!-r '/proc/uptime' || !-r '/proc/self/stat') {
        print STDERR "/proc is not mounted\n";
        exit 96;
    }
    $0 = "vxfleet: program of run $RUN{id}";
    @SIG{qw(HUP PIPE CHLD TERM INT)} = ('IGNORE', 'IGNORE', sub { }, \&end_session, \&end_session);
    open STDERR, '>', '/dev/null' or exit 96;
    do_not_block(*STDOUT);
    answer({ sequence => 0 }, "hello $]");
    $heard = now();
    when_readable(*STDIN, \&take_input);
    # Whoever says nothing for a whole window is gone, whatever TCP still believes.
    my $listen;
    $listen = sub {
        return end_session() if now() - $heard >= $RUN{window};
        after($RUN{window} / 4, $listen);
    };
    $listen->();
    turn() while 1;
    return;
}

main() if !defined $GUARD_OF;

1;
