# A hub that has promised and hears nothing more; trials that a dead run has left.
use strict;
use warnings;

our (%RUN, $TRIALS);

# The controller or its session is gone, and it may have confirmed the peer. Silence decides nothing. (docs/protocol.md)
# $seconds: how long to wait when this question has no answer
sub find_out {
    my ($trial, $done, $seconds) = @_;
    return $done->() if !-e "$trial/doubt";
    return give_in($trial, $done) if -e "$trial/order";
    return decide($trial, '', $done, $seconds // 1) if !-e "$trial/new";
    run_new(
        $trial, 'doubt',
        sub {
            my (undef, undef, $new_peer) = peer_of($trial);
            ask_peer($trial, $new_peer, sub { decide($trial, $_[0], $done, $seconds // 1) });
        }
    );
    return;
}

# (role, marker, the peer's address on the new end, and on the old one; `-` stands for none)
sub peer_of {
    my ($trial) = @_;
    return split /\n/, read_file("$trial/peer") // '';
}

# $answered: who has answered on the new end, `marker`, `peer` or nobody
sub decide {
    my ($trial, $answered, $done, $seconds) = @_;
    my ($role, undef, undef, $old_peer) = peer_of($trial);
    my $has_new = -e "$trial/new";
    my $can_ask_both = $has_new && -e "$trial/was_up" && $old_peer ne '-';
    return keep_new($trial, $done) if $answered eq 'marker';
    # A peer that answers on the new end without the marker may still decide. Its window is half of ours: when ours is over, it has decided
    # and is done with going back, so that an answer is an answer. When one of the two ends cannot be asked, silence has to last as long.
    my $may_decide = $answered eq '' && $role eq 'incompatible' && $can_ask_both || is_due($trial);
    return after(1, sub { find_out($trial, $done, $seconds) }) if !$may_decide;
    if ($role eq 'compatible' && $has_new) {
        # Old and new can talk to each other, so that an answer on the old end would say nothing.
        return give_in($trial, $done) if $answered ne '';
    }
    elsif (!$can_ask_both) {
        return $answered ne '' ? keep_new($trial, $done) : give_in($trial, $done);
    }
    else {
        return find_out_on_old($trial, $answered, $done, $seconds);
    }
    return wait_and_ask($trial, $done, $seconds);
}

sub find_out_on_old {
    my ($trial, $answered_on_new, $done, $seconds) = @_;
    my (undef, undef, undef, $old_peer) = peer_of($trial);
    run_old(
        $trial, 'doubt',
        sub {
            ask_peer(
                $trial,
                $old_peer,
                sub {
                    my ($answered) = @_;
                    return $done->() if !-e "$trial/doubt";
                    return give_in($trial, $done) if $answered eq 'peer';
                    return wait_and_ask($trial, $done, $seconds) if $answered eq '' && $answered_on_new eq '';
                    run_new($trial, 'doubt', sub { keep_new($trial, $done) });
                }
            );
        }
    );
    return;
}

# At growing intervals of at most half a minute; an order is heard at once.
sub wait_and_ask {
    my ($trial, $done, $seconds, $waited) = @_;
    $waited //= 0;
    if ($waited >= $seconds || !-e "$trial/doubt" || -e "$trial/order") {
        return find_out($trial, $done, $seconds < 15 ? $seconds * 2 : 30);
    }
    after(1, sub { wait_and_ask($trial, $done, $seconds, $waited + 1) });
    return;
}

sub keep_new {
    my ($trial, $done) = @_;
    return $done->() if !move($trial, 'doubt', 'confirmed');
    return complete($trial, $done);
}

sub give_in {
    my ($trial, $done) = @_;
    return settle($trial, 'peer', [qw(doubt)], $done) || $done->();
}

# Who answers within three seconds, the marker before the peer.
sub ask_peer {
    my ($trial, $peer, $done) = @_;
    my $interface = base_name($trial);
    my (undef, $marker) = peer_of($trial);
    my (%answers, $is_over);
    my $ask = sub {
        my ($who, $target) = @_;
        ping(
            { target => $target, device => $interface },
            3,
            sub {
                $answers{$who} = defined $_[0];
                return if $is_over || !$answers{marker} && keys %answers < 2;
                $is_over = 1;
                $done->($answers{marker} ? 'marker' : $answers{peer} ? 'peer' : '');
            }
        );
    };
    $ask->('marker', "$marker%$interface");
    $ask->('peer', $peer);
    return;
}

# `left_new` says that the new end may be down, `runs_old` that the old one is up.
sub run_new {
    my ($trial, $state, $done) = @_;
    return $done->() if !-e "$trial/left_new";
    unlink "$trial/runs_old";
    my $then = sub {
        return $done->() if !-e "$trial/$state";
        unlink "$trial/left_new";
        $done->();
    };
    return $then->() if -e "$trial/still" || !-e "$trial/new";
    return take_down($trial, $state, undef, sub { bring_up($trial, $state, new_file($trial), $then) });
}

sub run_old {
    my ($trial, $state, $done) = @_;
    return $done->() if -e "$trial/runs_old";
    write_file("$trial/left_new", '');
    my $then = sub {
        write_file("$trial/runs_old", '') if -e "$trial/$state";
        $done->();
    };
    return $then->() if -e "$trial/still";
    return take_down($trial, $state, new_file($trial), sub { bring_up($trial, $state, old_file($trial), $then) });
}

# Waits until the trial has ended and says how.
sub settled_as {
    my ($job, $interface, $change) = @_;
    my $trial = "$TRIALS/$interface";
    move($trial, 'promised', 'doubt') if is_trial_of($trial, $change);
    my $look;
    $look = sub {
        return after(0.2, $look) if is_trial_of($trial, $change);
        reply($job, 'outcome', outcome_of($interface, $change));
        finish($job);
    };
    return $look->();
}

# Ends a trial that a dead run has left. The other end is ended first, by the controller: then there is an answer to find out.
sub takeover {
    my ($job, $interface) = @_;
    my $trial = "$TRIALS/$interface";
    my $run = read_line("$trial/run");
    return finish($job) if $run eq '';
    return fail($job, 'busy', "$interface is held by " . held_by($trial)) if is_session_open($run);
    my $ends = now() + ($RUN{window} < 60 ? $RUN{window} / 3 : 20);
    my $is_at_work;
    my $look;
    $look = sub {
        # Somebody else's new trial is not what we came for.
        return $is_at_work ? after(0.1, $look) : finish($job) if read_line("$trial/run") ne $run;
        my $settled = sub { $is_at_work = 0 };
        if (!$is_at_work) {
            $is_at_work = 1;
            $is_at_work = 0
                if !settle($trial, 'session', [qw(prepared armed)], $settled)
                && (is_process_in("$TRIALS/.$run.guard") || !end_leftover($trial, $settled));
        }
        write_file("$trial/order", '') if now() >= $ends && -e $trial;
        return fail($job, 'stuck', "the trial of $interface does not end: look at $trial") if now() >= $ends + 40;
        after(0.2, $look);
    };
    return $look->();
}

# A trial without anybody: its session and its guard are dead. True when it is being ended.
sub end_leftover {
    my ($trial, $done) = @_;
    stop_ifup($trial);
    claim($trial);
    move($trial, 'promised', 'doubt');
    my %ends = (
        doubt => sub { find_out($trial, $done) },
        confirmed => sub { complete($trial, $done) },
        reverting => sub { go_back($trial, 'session', $done) },
        dropped => sub { forget_staged($trial); remove($trial); $done->() },
    );
    my ($state) = grep { -e "$trial/$_" } keys %ends;
    # One without any state was being removed.
    $state //= 'dropped' if !-e "$trial/armed" && !-e "$trial/prepared";
    return 0 if !defined $state;
    $ends{$state}->();
    return 1;
}

1;
