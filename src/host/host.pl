#!/usr/bin/perl
# HEADER
use strict;
use warnings;

our (%RUN, $PROGRAM, $GUARD_OF);

# Where ifup looks too (ifupdown 0.8: execute.c, set_environ); what it does not need may also be where the login's own PATH has it.
our $IFUP_PATH    = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
our $INTERFACES_D = '/etc/network/interfaces.d';
our $TRIALS       = '/run/vxfleet';
our $STORE        = '/var/lib/vxfleet';
# An ifup that hangs must leave half of the window for the way back.
our $UP_SECONDS = $RUN{window} < 2 ? 1 : $RUN{window} < 60 ? $RUN{window} / 2 : 30;

# -w asks access(2), as the pragma filetest makes it, which perl-base does not have: a read-only file system and chattr +i count.
BEGIN { $^H |= 0x0040_0000 }

@ENV{qw(LC_ALL PATH)} = ('C', $IFUP_PATH . (defined $ENV{PATH} ? ":$ENV{PATH}" : ''));
umask 077;

require './program/loop.pl';
require './program/answers.pl';
require './program/state.pl';
require './program/kernel.pl';
require './program/packets.pl';
require './program/ifupdown.pl';
require './program/records.pl';
require './program/inspect.pl';
require './program/trial.pl';
require './program/doubt.pl';
require './program/guard.pl';

# What each command does, and whether it changes anything.
my %VERBS = (
    inspect    => { runs => \&inspect },
    state      => { runs => \&state },
    probe      => { runs => \&probe },
    history    => { runs => \&history },
    generation => { runs => \&generation },
    prepare    => { runs => \&prepare, changes => 1 },
    trial      => { runs => \&trial, changes => 1 },
    extend     => { runs => \&extend, changes => 1 },
    stage      => { runs => \&stage, changes => 1 },
    promise    => { runs => \&promise, changes => 1 },
    confirm    => { runs => \&confirm, changes => 1 },
    revert     => { runs => \&revert, changes => 1 },
    settle     => { runs => \&settled_as, changes => 1 },
    note       => { runs => \&note, changes => 1 },
    takeover   => { runs => \&takeover, changes => 1 },
);

my ($input, $heard, $is_ending) = ('', 0, 0);
my @jobs;

sub is_ending { return $is_ending }

sub state {
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
        if ($verb eq 'alive') {
            # A guard that was killed is replaced: its trials must not be without one.
            stand_guard(sub { }) if is_locked();
            next;
        }
        @jobs = grep { !$_->{is_done} } @jobs;
        push @jobs, my $job = { sequence => $sequence, verb => $verb, payload => $payload };
        begin($job, @words);
    }
    return;
}

sub begin {
    my ($job, @words) = @_;
    my $verb = $VERBS{ $job->{verb} } or return fail($job, 'protocol', "unknown command $job->{verb}");
    $job->{changes} = $verb->{changes};
    return fail($job, 'protocol', "$job->{verb} in a run that changes nothing") if $verb->{changes} && $RUN{writes} ne 'yes';
    return $verb->{runs}->($job, @words) if $job->{verb} ne 'prepare';
    return stand_guard(sub { ($job->{guard_fault}) = @_; $verb->{runs}->($job, @words) });
}

# No more commands will come: let changes end, then take back every trial nobody confirmed. A second session of the same run began no trial
# and ends none.
sub end_session {
    return if $is_ending++;
    local @SIG{qw(TERM INT)} = ('IGNORE', 'IGNORE');
    forget(*STDIN);
    if (is_locked()) {
        my $open = 0;
        while (1) {
            for my $trial (our_trials()) {
                # In doubt a trial is the guard's.
                next if move($trial, 'promised', 'doubt');
                $open += settle($trial, 'session', [qw(prepared armed)], sub { $open-- });
            }
            @jobs = grep { !$_->{is_done} && $_->{changes} && $_->{verb} ne 'settle' } @jobs;
            last if !@jobs && $open == 0 && !grep { -e "$_/prepared" || -e "$_/armed" } our_trials();
            turn();
        }
        if (our_trials()) {
            my $is_there;
            stand_guard(sub { $is_there = 1 });
            turn() while !$is_there;
        }
    }
    # Also what a killed program of this run has left.
    dismiss_guard() if is_locked() || !is_session_open($RUN{id});
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
    local @SIG{qw(HUP PIPE CHLD TERM INT)} = ('IGNORE', 'IGNORE', sub { }, \&end_session, \&end_session);
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

if   (defined $GUARD_OF) { guard($GUARD_OF) }
else                     { main() }
