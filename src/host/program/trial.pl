# The steps of a change once it is prepared: trial, stage, promise, confirm; or back.
use strict;
use warnings;

our (%RUN, $INTERFACES_D, $STORE, $TRIALS);

sub new_file { return -e "$_[0]/new" ? "$_[0]/new" : undef }
sub old_file { return -e "$_[0]/old" ? "$_[0]/old" : undef }

sub trial {
    my ($job, $interface, $change) = @_;
    my ($trial, $live) = ("$TRIALS/$interface", "$INTERFACES_D/$interface");
    return late($job, $interface, $change)
        if !(is_trial_of($trial, $change) && set_deadline($trial) && move($trial, 'prepared', 'armed'));
    return finish($job) if -e "$trial/still";
    reply($job, 'down_at', int 1000 * now());
    my $up = sub {
        my ($is_gone, $said) = @_;
        reply($job, 'output', $said) if !$is_gone || !new_file($trial);
        return late($job, $interface, $change) if !-e "$trial/armed";
        return fail($job, 'stuck', "$interface is still there after ifdown and ip link del") if !$is_gone;
        return finish($job) if !new_file($trial);
        bring_up(
            $trial, 'armed',
            new_file($trial),
            sub {
                my ($is_up, $output, $status) = @_;
                reply($job, 'output', $output);
                return late($job, $interface, $change) if !-e "$trial/armed";
                return $is_up ? finish($job) : fail($job, 'ifup', "ifup failed with status $status");
            }
        );
    };
    return $up->(1, '') if !-e $live && !exists_link($interface) && !is_remembered($interface);
    # Of a file that is gone ifupdown remembers the interface, and would not bring it up: the candidate takes it down.
    take_down($trial, 'armed', -e $live ? undef : new_file($trial), $up);
    return;
}

# The trial of this change cannot take the step: says what became of it instead.
sub late {
    my ($job, $interface, $change) = @_;
    my $trial = "$TRIALS/$interface";
    if (is_trial_of($trial, $change)) {
        return fail($job, 'late', "too late: this host is finding out what the other end of $interface did") if -e "$trial/doubt";
        return fail($job, 'confirmed', "the trial of $interface is being confirmed") if -e "$trial/confirmed";
        return fail($job, 'late', "too late: the trial of $interface is being ended");
    }
    my %became = (
        window => [late => "too late: the window of $interface was over, and this host put the old end back"],
        session => [late => "too late: the session was gone, and this host put the old end of $interface back"],
        peer => [late => "too late: the other end of $interface was found on the old one, and this host put it back too"],
        reverted => [late => "the trial of $interface was put back already"],
        confirmed => [confirmed => "the trial of $interface is confirmed already"],
    );
    my $known = $became{ outcome_of($interface, $change) };
    return fail($job, @{ $known // [unknown => "no trial of this change is open on $interface, and nothing is known of one"] });
}

sub extend {
    my ($job, $interface, $change) = @_;
    my $trial = "$TRIALS/$interface";
    my $is_extended = is_trial_of($trial, $change) && -e "$trial/armed" && set_deadline($trial) && -e "$trial/armed";
    return $is_extended ? finish($job) : late($job, $interface, $change);
}

# Takes this end's part in the decision (docs/protocol.md), and does what of a confirm may still fail. $then when it has not.
sub take_part {
    my ($job, $trial, $part, $then) = @_;
    my $interface = base_name($trial);
    # A full disk takes a rename, one that has become read-only does not.
    for my $directory ($INTERFACES_D, "$STORE/$interface") {
        return fail($job, 'full', "$directory has become read-only") if !-w $directory;
    }
    return fail($job, 'full', "cannot write to $trial: is /run full?") if !overwrite("$trial/peer", join "\n", @{$part}, '');
    publish_found(
        $interface,
        sub {
            my ($is_kept) = @_;
            return fail($job, 'store', "cannot keep the generation in $STORE/$interface: is /var full or read-only?") if !$is_kept;
            forget_oldest($interface, 1);
            $then->();
        }
    );
    return;
}

sub promise {
    my ($job, $interface, $change, @part) = @_;
    my $trial = "$TRIALS/$interface";
    return late($job, $interface, $change) if !is_trial_of($trial, $change) || !-e "$trial/armed";
    take_part(
        $job, $trial,
        \@part,
        sub {
            my $is_given = is_trial_of($trial, $change) && set_deadline($trial) && move($trial, 'armed', 'promised');
            return $is_given ? finish($job) : late($job, $interface, $change);
        }
    );
    return;
}

sub confirm {
    my ($job, $interface, $change, @part) = @_;
    my $trial = "$TRIALS/$interface";
    if (!is_trial_of($trial, $change)) {
        return outcome_of($interface, $change) eq 'confirmed' ? finish($job) : late($job, $interface, $change);
    }
    # Said twice is said once: over another session, the first time may still be under way, or have died on it.
    if (-e "$trial/confirmed" && $job->{tries}++ < 200) {
        my $again = sub {
            after(0.1, sub { confirm($job, $interface, $change, @part) });
        };
        return $again->() if is_process_in("$trial/by");
        claim($trial);
        return complete($trial, $again);
    }
    return decide_forward($job, $trial, $change) if !-e "$trial/armed";
    return take_part($job, $trial, \@part, sub { decide_forward($job, $trial, $change) });
}

# From here on the timer has lost. Of a hub in doubt, the controller has found a way back to us and knows what the peer did.
sub decide_forward {
    my ($job, $trial, $change) = @_;
    my $interface = base_name($trial);
    my $late = sub { late($job, $interface, $change) };
    return $late->() if !is_trial_of($trial, $change);
    # The hub counts on our being done with going back when its window is over.
    return if -e "$trial/armed" && is_due($trial) && settle($trial, 'window', [qw(armed)], $late);
    my $from =
          move($trial, 'promised', 'confirmed') ? 'promised'
        : move($trial, 'armed', 'confirmed') ? 'armed'
        : move($trial, 'doubt', 'confirmed') ? 'doubt'
        : return $late->();
    stop_ifup($trial);
    claim($trial);
    complete(
        $trial,
        sub {
            return finish($job) if $_[0];
            my $pending = "$interface runs the new end, but the host cannot write it to $INTERFACES_D: it tries again every second";
            return fail($job, 'pending', $pending) if $from ne 'armed' || !move($trial, 'confirmed', 'reverting');
            go_back($trial, 'reverted', sub { fail($job, 'full', "cannot rename the staged file to $INTERFACES_D/$interface") });
        }
    );
    return;
}

# All that is left once the decision is made; may be repeated until it succeeds. $done->($has_succeeded)
sub complete {
    my ($trial, $done) = @_;
    my $interface = base_name($trial);
    my ($live, $beside) = ("$INTERFACES_D/$interface", "$INTERFACES_D/.$interface.vxfleet");
    my $store = "$STORE/$interface";
    # A hub in doubt may have put the old end up to ask.
    run_new(
        $trial,
        'confirmed',
        sub {
            my $name = next_sequence($store) . '.confirmed.' . read_line("$trial/digest");
            my $failed = sub { give_up($trial); $done->(0) };
            return $failed->() if -e "$store/.staged" && !rename "$store/.staged", "$store/$name";
            my $is_there =
                !-e "$trial/new"
                ? (unlink($beside), !-e $live || unlink $live)[1]
                : -e $beside ? rename $beside, $live
                # Renamed already, or somebody has taken it away.
                : (read_file($live) // '') eq read_file("$trial/new");
            if (!$is_there) {
                rename "$store/$name", "$store/.staged";
                return $failed->();
            }
            sync_paths(
                [$INTERFACES_D, $store],
                sub {
                    show_marker($trial, sub { remove($trial); $done->(1) });
                }
            );
        }
    );
    return;
}

# Only now, when it is the file of /etc: says to the hub that we have decided. The kernel takes it away again by itself.
sub show_marker {
    my ($trial, $done) = @_;
    my ($role, $marker) = split /\n/, read_file("$trial/peer") // '';
    return $done->() if ($role // '') ne 'decides';
    my $lifetime = $RUN{window} * 4;
    my $device = base_name($trial);
    ask_kernel("addr replace $marker/64 dev $device nodad valid_lft $lifetime preferred_lft 0\n", $done);
    return;
}

sub revert {
    my ($job, $interface, $change) = @_;
    my $trial = "$TRIALS/$interface";
    my $done = sub {
        my ($is_back, $said) = @_;
        reply($job, 'output', $said);
        return $is_back
            ? finish($job)
            : fail($job, 'stuck', "what ran before on $interface did not come up again: " . ($said || 'no output'));
    };
    return if is_trial_of($trial, $change) && settle($trial, 'reverted', [qw(prepared armed promised doubt)], $done);
    return late($job, $interface, $change);
}

# Ends a trial that is in one of these states by going back; then $done->($is_back, $output). Only one caller gets past the rename, and is
# told so: true.
sub settle {
    my ($trial, $outcome, $from, $done) = @_;
    for my $state (@{$from}) {
        if ($state eq 'prepared') {
            next if !move($trial, 'prepared', 'dropped');
            forget_staged($trial);
            # The tunnel's name is held until the last of it is gone.
            remove($trial);
            $done->(1, '');
            return 1;
        }
        next if !move($trial, $state, 'reverting');
        go_back($trial, $outcome, $done);
        return 1;
    }
    return 0;
}

sub forget_staged {
    my ($trial) = @_;
    my $interface = base_name($trial);
    unlink "$INTERFACES_D/.$interface.vxfleet", "$STORE/$interface/.staged", "$STORE/$interface/.found";
    return;
}

# The way back; may be repeated.
sub go_back {
    my ($trial, $outcome, $done) = @_;
    my $interface = base_name($trial);
    stop_ifup($trial);
    claim($trial);
    forget_staged($trial);
    my $finish = sub {
        my ($is_back, $said) = @_;
        # What cannot be recorded (a full /var) is put back all the same.
        my $keep = sub {
            keep_record($interface, $outcome, read_file("$trial/body") // '', sub { remove($trial); $done->($is_back, $said) });
        };
        return $keep->() if !-e "$trial/bystanders";
        # What was somebody else's before and is gone. What is there already is refused line by line.
        return start([qw(ip -6 -force -batch), "$trial/bystanders"], $keep);
    };
    return $finish->(1, '') if -e "$trial/runs_old" || -e "$trial/still";
    take_down(
        $trial,
        'reverting',
        new_file($trial),
        sub {
            my ($is_gone, $said) = @_;
            return $finish->($is_gone, $said) if !-e "$trial/was_up";
            # An ifup that fails or is killed here is not left at that.
            bring_old_up($trial, 'reverting', 3, $finish);
        }
    );
    return;
}

# $done->($is_up, $output)
sub bring_old_up {
    my ($trial, $state, $tries, $done) = @_;
    bring_up(
        $trial, $state,
        old_file($trial),
        sub {
            my ($is_up, $said) = @_;
            return $done->($is_up, $said) if $is_up || $tries <= 1;
            after(
                1,
                sub {
                    take_down($trial, $state, undef, sub { bring_old_up($trial, $state, $tries - 1, $done) });
                }
            );
        }
    );
    return;
}

1;
