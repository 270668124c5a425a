# Trials as whoever looks sees them: a directory each, whose state is the name of one file in it. And which process is which.
use strict;
use warnings;

our (%RUN, $TRIALS, $LOCK);

# flock(2)
my ($LOCK_EX, $LOCK_NB) = (2, 4);

sub trials { return paths($TRIALS, qr/^vxlan/) }

# One run may change an interface more than once.
sub is_trial_of {
    my ($trial, $change) = @_;
    return read_line("$trial/change") eq $change;
}

sub seconds_left {
    my ($trial) = @_;
    return (read_line("$trial/deadline") || 0) / 100 - now();
}

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

sub is_session_open {
    my ($run) = @_;
    open my $file, '<', "$TRIALS/.$run.lock" or return 0;
    return $run eq $RUN{id} && $LOCK || !flock $file, $LOCK_EX | $LOCK_NB;
}

# Lines for whoever finds the trial: its state, its run, the seconds to its deadline, who is there to end it, and whose it is.
sub describe_trial {
    my ($trial) = @_;
    my $run = read_line("$trial/run");
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
