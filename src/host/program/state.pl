# A trial's directory: its state, its run, its deadline and who is at work on it. And which process is which.
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

sub trials { return paths($TRIALS, qr/^vxlan/) }

sub our_trials {
    return grep { is_ours($_) } trials();
}

sub is_ours {
    my ($trial) = @_;
    return read_line("$trial/run") eq $RUN{id};
}

# One run may change an interface more than once.
sub is_trial_of {
    my ($trial, $change) = @_;
    return read_line("$trial/change") eq $change;
}

# In hundredths of a second, as /proc/uptime has them.
sub set_deadline {
    my ($trial) = @_;
    return overwrite("$trial/deadline", sprintf "%012d\n", 100 * (now() + $RUN{window}));
}

sub seconds_left {
    my ($trial) = @_;
    return (read_line("$trial/deadline") || 0) / 100 - now();
}

sub is_due { return seconds_left(@_) <= 0 }

# "PID START" of a process: the start time (proc_pid_stat(5), field 22) tells it from another that gets its number later. Empty when
# there is none, or only a dead one that nobody has collected.
sub process_of {
    my ($pid) = @_;
    my $text = read_file("/proc/$pid/stat") // return '';
    my ($state, @more) = split ' ', substr $text, 2 + rindex $text, ')';
    return $state eq 'Z' ? '' : "$pid $more[18]";
}

sub is_process {
    my ($process) = @_;
    my ($pid) = split ' ', $process;
    return defined $pid && process_of($pid) eq $process;
}

sub process_in {
    my ($path) = @_;
    my $process = read_line($path);
    $process =~ s/ +\z//;
    return $process;
}

sub is_process_in {
    my ($path) = @_;
    return is_process(process_in($path));
}

# The files of a trial that name a process: `by`, who is at work to end it; `ifup`, what runs for it.
sub name_process {
    my ($trial, $name, $process) = @_;
    return overwrite("$trial/$name", sprintf "%-40s\n", $process);
}

# Whoever finds the claim of one that is dead goes on in its place.
sub claim { return name_process($_[0], 'by', process_of($$)) }

# It has not come to the end, and somebody shall try again.
sub give_up { return name_process($_[0], 'by', '') }

# Lines for whoever finds the trial: its state, its run, the seconds to its deadline, who is there to end it, and whose it is.
sub describe_trial {
    my ($trial) = @_;
    my $run    = read_line("$trial/run");
    my ($state) = grep { -e "$trial/$_" } qw(prepared armed promised doubt confirmed reverting dropped);
    my $holder = is_session_open($run) ? 'session' : is_process_in("$TRIALS/.$run.guard") ? 'guard' : 'nobody';
    return join "\n", $state // 'gone', $run, int seconds_left($trial), $holder, read_file("$trial/who") // '';
}

sub held_by {
    my ($trial) = @_;
    my ($operator, $from, $since, $command) = split /\n/, read_file("$trial/who") // '';
    # Between our look and this it may have come to its end.
    return 'a run that has just ended' if !defined $operator;
    return "$operator (from $from) since $since: $command, run " . read_line("$trial/run");
}

1;
