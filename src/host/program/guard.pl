# Who may change a tunnel, and who ends what nobody ends.
use strict;
use warnings;

our (%RUN, $PROGRAM, $INTERFACES_D, $STORE, $TRIALS, $LOCK);

# flock(2)
my ($LOCK_EX, $LOCK_NB) = (2, 4);

# This guard's own business: by interface, whether a trial is being ended, and for how long nobody has been seen at it.
my (%is_tended, %idle);

# One lock a run and host, held by this program alone; a trial belongs to the run that is named in it. $done->(why not, or empty)
sub take_lock {
    my ($done, $tries) = @_;
    my $path = "$TRIALS/.$RUN{id}.lock";
    mkdir $TRIALS;
    open my $file, '+>>', $path or return $done->('is /run full or read-only?');
    if (!flock $file, $LOCK_EX | $LOCK_NB) {
        return $done->('another session of this run is on this host: do two spokes have the same ssh.host?') if ($tries // 0) >= 50;
        return after(0.1, sub { take_lock($done, 1 + ($tries // 0)) });
    }
    # Somebody who swept up may have removed it before it was locked.
    return take_lock($done, $tries) if !is_same_file($path, $file);
    $LOCK = $file;
    return $done->('');
}

# Before the first trial: the lock is ours and the guard is there, or nothing begins. $done->(why not, or empty)
sub stand_guard {
    my ($done) = @_;
    my $start = sub {
        my ($fault) = @_;
        return $done->($fault) if $fault || is_process_in("$TRIALS/.$RUN{id}.guard");
        return start_guard($done);
    };
    return $LOCK ? $start->('') : take_lock($start);
}

# A service of systemd's is out of reach of whatever ends our session; elsewhere a process that has left it must do.
sub start_guard {
    my ($done) = @_;
    return fork_guard($done) if !-d '/run/systemd/system' || !which('systemd-run');
    my $path = "$TRIALS/.$RUN{id}.program";
    my $fork = sub { unlink $path; fork_guard($done) };
    my $tries = 0;
    my $look;
    $look = sub {
        return $done->('') if is_process_in("$TRIALS/.$RUN{id}.guard");
        return ++$tries < 250 ? after(0.02, $look) : $fork->();
    };
    # The text is read when the service starts, which we see by the guard's own file.
    my $watched = process_of($$);
    return $fork->() if !write_file($path, "\$GUARD_OF = '$watched';\n$PROGRAM");
    my @unit = ("--unit=vxfleet-$RUN{id}", '--description=vxfleet: ends trials nobody confirms');
    start(['systemd-run', qw(--quiet --collect), @unit, $^X, $path], sub { $_[0] == 0 ? $look->() : $fork->() }, seconds => 10);
    return;
}

sub fork_guard {
    my ($done) = @_;
    my $path = "$TRIALS/.$RUN{id}.guard";
    my $watched = process_of($$);
    # What ends us must not run in it.
    local $SIG{TERM} = 'IGNORE';
    my $pid = fork;
    if (defined $pid && $pid == 0) {
        setpgrp 0, 0;
        # Nothing of the session, and nothing that the session had from others.
        for my $number (grep { $_ > 2 } entries('/proc/self/fd')) {
            close $LOCK if open $LOCK, '<&=', $number;
        }
        exit 1 if !(open(STDIN, '<', '/dev/null') && open(STDOUT, '>', '/dev/null') && open STDERR, '>', '/dev/null');
        forget_everything();
        guard($watched);
    }
    return $done->('') if defined $pid && write_file($path, process_of($pid) . "\n");
    return $done->("no process can be started: $!") if !defined $pid;
    stop_guard(process_of($pid));
    unlink $path;
    return $done->('is /run full or read-only?');
}

# With no trial left there is nothing to guard.
sub dismiss_guard {
    my @files = map { "$TRIALS/.$RUN{id}.$_" } qw(guard lock);
    return if our_trials() || !grep { -e } @files;
    my $process = process_in($files[0]);
    # Before it is told: who is killed in between leaves nothing, for without a trial the guard ends by itself. After: it may only just have come.
    unlink @files;
    stop_guard($process);
    unlink @files;
    return;
}

# Told until it is gone: one that has just been started does not hear it yet.
sub stop_guard {
    my ($process) = @_;
    my ($pid) = split ' ', $process;
    while (is_process($process)) {
        kill 'TERM', $pid;
        select undef, undef, undef, 0.02;
    }
    return;
}

# Looks at the run's trials once a second, and ends with the last of them. $watched: "PID START" of the program
sub guard {
    my ($watched) = @_;
    $0 = "vxfleet: guard of run $RUN{id}";
    # The program ignores SIGTERM when it ends, and may start one of us even then.
    local @SIG{qw(TERM HUP INT PIPE CHLD)} = ('DEFAULT', 'IGNORE', 'IGNORE', 'IGNORE', sub { });
    write_file("$TRIALS/.$RUN{id}.guard", process_of($$) . "\n");
    unlink "$TRIALS/.$RUN{id}.program";
    my $look;
    $look = sub {
        my @open = our_trials();
        if (!@open && !is_process($watched) && !grep { $_ } values %is_tended) {
            remove($_) for map({ "$TRIALS/.$RUN{id}.$_" } qw(guard lock)), paths($TRIALS, qr/^\.vxlan.*\.\Q$RUN{id}\E\z/);
            exit 0;
        }
        tend($_, is_process($watched)) for @open;
        after(1, $look);
    };
    after(1, $look);
    turn() while 1;
    return;
}

sub tend {
    my ($trial, $has_program) = @_;
    my $interface = base_name($trial);
    return if $is_tended{$interface};
    my $outcome = $has_program ? 'window' : 'session';
    my $is_alone = !$has_program || is_due($trial);
    my $done = sub { $is_tended{$interface} = 0 };
    if (-e "$trial/confirmed" || -e "$trial/reverting") {
        # Somebody is at it; when they are dead, or were before they could say so, it is ours.
        return if is_process_in("$trial/by") || $idle{$interface}++ < 2;
        stop_ifup($trial);
        claim($trial);
        $is_tended{$interface} = 1;
        return -e "$trial/confirmed" ? complete($trial, $done) : go_back($trial, $outcome, $done);
    }
    $idle{$interface} = 0;
    return if $is_alone && move($trial, 'promised', 'doubt');
    $is_tended{$interface} = 1;
    if (-e "$trial/doubt") {
        claim($trial);
        return find_out($trial, $done);
    }
    return if $is_alone && settle($trial, $outcome, [qw(prepared armed)], $done);
    return $done->();
}

# Removes what killed runs left beside the trials. A trial itself is never swept: it has to be ended.
sub sweep {
    my @waste = grep { m{/\.(vxlan[0-9a-f]+)\.vxfleet\z} && !-e "$TRIALS/$1" } paths($INTERFACES_D, qr/^\.vxlan/);
    for my $store (paths($STORE, qr/^vxlan/)) {
        my $trial = "$TRIALS/" . base_name($store);
        push @waste, grep { -e } "$store/.staged", "$store/.found" if !-e $trial;
        push @waste, grep { /\.record\.(.*)/ && !is_session_open($1) } paths($store, qr/^\.record\./);
    }
    for my $path (paths($TRIALS, qr/^\./)) {
        my ($run) = grep { defined } base_name($path) =~ /^\.(?:vxlan[0-9a-f]+\.(.*)|(.*)\.(?:lock|guard|program))\z/;
        push @waste, $path if defined $run && !is_session_open($run) && !is_process_in("$TRIALS/.$run.guard");
    }
    remove($_) for @waste;
    return;
}

1;
