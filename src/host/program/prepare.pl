# What is proven before a trial begins: that it can, and that it can end either way.
use strict;
use warnings;

our (%RUN, $INTERFACES_D, $STORE, $TRIALS);

sub prepare {
    my ($job, @words) = @_;
    my %candidate;
    @candidate{qw(interface change digest still)} = @words[0, 1, 5, 6];
    # Each undefined for what does not exist; the rest is the record's body.
    @candidate{qw(old new bystanders)} = map { $_ eq '-' ? undef : substr $job->{payload}, 0, $_, '' } @words[2 .. 4];
    $candidate{body} = $job->{payload};
    stand_guard(
        sub {
            my ($fault) = @_;
            return fail($job, 'refused', "cannot begin a trial: $fault") if $fault;
            take_candidate($job, \%candidate);
        }
    );
    return;
}

sub take_candidate {
    my ($job, $candidate) = @_;
    my $interface = $candidate->{interface};
    my ($hidden, $trial, $live) = ("$TRIALS/.$interface.$RUN{id}", "$TRIALS/$interface", "$INTERFACES_D/$interface");
    return fail($job, 'ping', socket_fault()) if socket_fault();
    return fail($job, 'busy', "$interface is held by " . held_by($trial)) if -e $trial;
    # What was planned is right only for what was seen.
    my ($seen, $now) = ($candidate->{old}, -e $live ? read_file($live) // '' : undef);
    my $is_same = defined $now && defined $seen ? $now eq $seen : !defined $now && !defined $seen;
    return fail($job, 'changed', "$live has changed since it was looked at") if !$is_same;
    my $refuse = sub {
        remove($hidden);
        fail($job, @_);
    };
    return $refuse->('refused', "cannot write to $hidden: is /run full or read-only?") if !write_trial($hidden, $candidate);
    my $then = sub {
        my ($invalid) = @_;
        return $refuse->('invalid', $invalid) if $invalid;
        return $refuse->('refused', 'the session is ending') if is_ending();
        return $refuse->('refused', "cannot write to $hidden: is /run full?")
            if !set_deadline($hidden) || !write_file("$hidden/prepared", '');
        # It gets its name when it is complete, so that nobody ever sees half of one; a name is given once.
        return $refuse->('busy', "$interface is held by " . held_by($trial)) if -e $trial || !rename $hidden, $trial;
        my $fault = lay_down($candidate);
        my $drop = sub {
            my $is_dropped = settle($trial, 'reverted', [qw(prepared)], sub { fail($job, 'refused', $fault) });
            late($job, $interface, $candidate->{change}) if !$is_dropped;
        };
        return $drop->() if $fault;
        sync_paths(
            ["$INTERFACES_D/.$interface.vxfleet", "$STORE/$interface/.staged"],
            sub {
                return finish($job) if $_[0];
                $fault = "cannot write $INTERFACES_D/.$interface.vxfleet or $STORE/$interface/.staged to the disk";
                $drop->();
            }
        );
    };
    return defined $candidate->{new} ? find_invalid($interface, $hidden, $then) : $then->('');
}

# The files of a trial: who, what, and room for all that is to be written in place later.
sub write_trial {
    my ($trial, $candidate) = @_;
    my ($from) = split ' ', $ENV{SSH_CONNECTION} // '';
    my %files = (
        run => "$RUN{id}\n",
        change => "$candidate->{change}\n",
        digest => "$candidate->{digest}\n",
        # Room for the part in the decision, which comes with promise and confirm.
        peer => ' ' x 200,
        who => join("\n", $RUN{operator}, $from // '', @RUN{qw(since command)}, ''),
        body => $candidate->{body},
    );
    $files{new} = $candidate->{new} if defined $candidate->{new};
    $files{bystanders} = $candidate->{bystanders} if $candidate->{bystanders};
    $files{still} = '' if $candidate->{still};
    return 0 if !mkdir($trial) || !mkdir("$trial/empty");
    return 0 if grep { !write_file("$trial/$_", $files{$_}) } keys %files;
    return remember_old($candidate->{interface}, $trial) && name_process($trial, 'ifup', '') && give_up($trial) && set_deadline($trial);
}

# Proves that /etc can take the file later, and /var its records; only who holds the tunnel has files of these names. Why not, or empty.
sub lay_down {
    my ($candidate) = @_;
    my ($interface, $body) = @{$candidate}{qw(interface body)};
    return "cannot write to $INTERFACES_D: is /etc full or read-only?" if !lay_beside($interface, $candidate->{new});
    return '' if write_found($interface, $body) && write_record("$STORE/$interface/.staged", 'confirmed', $body);
    return "cannot keep a generation in $STORE/$interface: is /var full or read-only?";
}

# What runs can be brought up again: by its file or, if somebody has taken that away, by our newest generation. What never had one cannot.
sub remember_old {
    my ($interface, $trial) = @_;
    return 1 if !exists_link($interface);
    if (!-e "$INTERFACES_D/$interface") {
        my $text = file_in(newest_generation($interface)) // return 1;
        return 0 if !write_file("$trial/old", $text);
    }
    return write_file("$trial/was_up", '');
}

# The candidate beside its place, under a name with a dot, which no form of source reads. Nothing to do when it lies there.
sub lay_beside {
    my ($interface, $text) = @_;
    my $path = "$INTERFACES_D/.$interface.vxfleet";
    return 0 if !-w $INTERFACES_D;
    return 1 if defined $text && (read_file($path) // '') eq $text;
    unlink $path;
    my $mask = umask 022;
    my $is_ok = write_file($path, $text // '');
    umask $mask;
    return $is_ok;
}

1;
