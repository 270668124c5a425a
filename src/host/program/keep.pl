# Records are written and the oldest forgotten. What is to be on the disk at once is one process.
use strict;
use warnings;

our (%RUN, $INTERFACES_D, $STORE, $TRIALS, $GENERATION, $RECORD);

my $GENERATION_HEADER = 'vxfleet generation 1';
# Generations kept a tunnel end, and as many of what did not become one.
my $KEEP = 20;
my (@unsynced, $is_syncing);    # [paths, what to do then]

# What was written is on the disk. $done is told whether it is.
sub sync_paths {
    my ($paths, $done) = @_;
    push @unsynced, [$paths, $done];
    after(0, \&sync_next) if @unsynced == 1 && !$is_syncing;
    return;
}

sub sync_next {
    my @those = splice @unsynced;
    $is_syncing = @those or return;
    my $synced = sub {
        my ($status) = @_;
        if ($status == 0 || @those == 1) {
            $_->[1]->($status == 0) for @those;
            return sync_next();
        }
        # One of them has spoilt it for the others: each for itself.
        my $left = @those;
        for my $one (@those) {
            start(['sync', @{ $one->[0] }], sub { $one->[1]->($_[0] == 0); sync_next() if --$left == 0 });
        }
    };
    start(['sync', map { @{ $_->[0] } } @those], $synced);
    return;
}

sub next_sequence {
    my ($store) = @_;
    my ($last) = reverse grep { /$RECORD/ } entries($store);
    return sprintf '%06d', 1 + substr $last // '000000', 0, 6;
}

# Writes a record under a name that no reader takes for one. It has to be on the disk before it gets its own.
sub write_record {
    my ($path, $outcome, $body) = @_;
    my ($store) = $path =~ m{(.*)/};
    mkdir $STORE;
    mkdir $store;
    return 1 if write_file($path, "$GENERATION_HEADER\noutcome $outcome\n$body");
    unlink $path;
    return 0;
}

# A record whose digest nobody has computed: $done->($is_kept)
sub keep_record {
    my ($interface, $outcome, $body, $done) = @_;
    my $path = "$STORE/$interface/.record.$RUN{id}";
    return $done->(0) if !write_record($path, $outcome, $body);
    publish($interface, $outcome, $path, $done);
    return;
}

sub publish {
    my ($interface, $outcome, $path, $done) = @_;
    my $store = "$STORE/$interface";
    sync_paths(
        [$path],
        sub {
            my ($is_synced) = @_;
            unlink $path if !$is_synced;
            return $done->(0) if !$is_synced;
            start(
                ['sha256sum', $path],
                sub {
                    my ($digest) = $_[1] =~ /^([0-9a-f]{64}) /m or return $done->(0);
                    my $is_kept = rename $path, "$store/" . next_sequence($store) . ".$outcome.$digest";
                    forget_oldest($interface, 0);
                    $done->($is_kept);
                }
            );
        }
    );
    return;
}

# The file in /etc, if it is not what our last generation left there: somebody else's, or edited. A rollback must find it again. Its record
# lies beside the others until it is published.
sub write_found {
    my ($interface, $body) = @_;
    my $live = read_file("$INTERFACES_D/$interface");
    my $last = newest_generation($interface);
    my $left = file_in($last);
    return 1 if defined $live ? defined $left && $live eq $left : $last eq '' || !defined $left;
    my ($head) = split /\n\n/, $body;
    my @lines = grep { /^(?:change|time|spoke|end) / } split /\n/, $head;
    s/^change /change before-/ for @lines;
    my $file = defined $live ? "file present\n\n$live" : "file absent\n\n";
    return write_record("$STORE/$interface/.found", 'found', join "\n", @lines, 'operator -', 'command -', 'plan -', $file);
}

sub publish_found {
    my ($interface, $done) = @_;
    my $path = "$STORE/$interface/.found";
    return $done->(1) if !-e $path;
    publish($interface, 'found', $path, $done);
    return;
}

# The oldest go. Generations and the rest are counted apart: many failures must not push a way back out.
sub forget_oldest {
    my ($interface, $places) = @_;
    my @records = grep { /$RECORD/ } entries("$STORE/$interface");
    my @generations = grep { /$GENERATION/ } @records;
    my @others = grep { !/$GENERATION/ } @records;
    my @oldest = (@generations[0 .. @generations + $places - $KEEP - 1], @others[0 .. @others - $KEEP - 1]);
    unlink map { "$STORE/$interface/$_" } @oldest;
    return;
}

sub note {
    my ($job, $interface, $digest) = @_;
    my ($store, $path) = ("$STORE/$interface", "$STORE/$interface/.record.$RUN{id}");
    return fail($job, 'busy', "$interface is held by " . held_by("$TRIALS/$interface")) if -e "$TRIALS/$interface";
    my $full = sub {
        unlink $path;
        fail($job, 'store', "cannot keep the generation in $store: is /var full or read-only?");
    };
    return $full->() if !write_found($interface, $job->{payload});
    publish_found(
        $interface,
        sub {
            forget_oldest($interface, 1);
            return $full->() if !$_[0] || !write_record($path, 'confirmed', $job->{payload});
            sync_paths(
                [$path],
                sub {
                    return $full->() if !$_[0] || !rename $path, "$store/" . next_sequence($store) . ".confirmed.$digest";
                    finish($job);
                }
            );
        }
    );
    return;
}

1;
