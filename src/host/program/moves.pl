# How a trial moves on: from state to state, by its deadline, by who is at work on it.
use strict;
use warnings;

our (%RUN, $TRIALS);

# The only ways from one state to another.
my %TRANSITIONS = map { $_ => 1 } qw(
    prepared>armed prepared>dropped armed>promised armed>confirmed armed>reverting promised>confirmed promised>reverting promised>doubt
    doubt>confirmed doubt>reverting confirmed>reverting
);

# False when somebody else was faster, or the trial is in another state.
sub move {
    my ($trial, $from, $to) = @_;
    die "no way from $from to $to\n" if !$TRANSITIONS{"$from>$to"};
    return rename "$trial/$from", "$trial/$to";
}

sub our_trials {
    return grep { is_ours($_) } trials();
}

sub is_ours {
    my ($trial) = @_;
    return read_line("$trial/run") eq $RUN{id};
}

# In hundredths of a second, as /proc/uptime has them.
sub set_deadline {
    my ($trial) = @_;
    return overwrite("$trial/deadline", sprintf "%012d\n", 100 * (now() + $RUN{window}));
}

sub is_due { return seconds_left($_[0]) <= 0 }

# The files of a trial that name a process: `by`, who is at work to end it; `ifup`, what runs for it.
sub name_process {
    my ($trial, $name, $process) = @_;
    return overwrite("$trial/$name", sprintf "%-40s\n", $process);
}

# Whoever finds the claim of one that is dead goes on in its place.
sub claim { return name_process($_[0], 'by', process_of($$)) }

# It has not come to the end, and somebody shall try again.
sub give_up { return name_process($_[0], 'by', '') }

1;
