# What is kept of each change under /var/lib/vxfleet.
use strict;
use warnings;

our (%RUN, $INTERFACES_D, $STORE, $TRIALS);

my $GENERATION_HEADER = 'vxfleet generation 1';
# Generations kept a tunnel end, and as many of what did not become one.
my $KEEP = 20;

# Outcomes that are generations. The rest say how a trial ended instead: reverted, window, session, peer.
my $GENERATION = qr/^\d{6}\.(?:confirmed|found)/;
my $RECORD     = qr/^\d{6}\./;
my $TUNNEL     = qr/^vxlan[0-9a-f]+\z/;
my $HAS_FILE   = "\nfile present\n\n";
my $HAS_NONE   = "\nfile absent\n\n";

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
    sync_paths([$path], sub {
        my ($is_synced) = @_;
        unlink $path if !$is_synced;
        return $done->(0) if !$is_synced;
        start(['sha256sum', $path], sub {
            my ($digest) = split ' ', $_[1];
            my $is_kept = rename $path, "$store/" . next_sequence($store) . ".$outcome.$digest";
            forget_oldest($interface, 0);
            $done->($is_kept);
        });
    });
    return;
}

# The newest generation, whole; empty when there is none.
sub newest_generation {
    my ($interface) = @_;
    my ($newest) = reverse grep { /$GENERATION/ } entries("$STORE/$interface");
    return defined $newest ? read_file("$STORE/$interface/$newest") // '' : '';
}

# The file that a generation has left; undefined when it has left none.
sub file_in {
    my ($generation) = @_;
    my $at = index $generation, $HAS_FILE;
    return $at < 0 ? undef : substr $generation, $at + length $HAS_FILE;
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
    my @records     = grep { /$RECORD/ } entries("$STORE/$interface");
    my @generations = grep { /$GENERATION/ } @records;
    my @others      = grep { !/$GENERATION/ } @records;
    my @oldest = (@generations[0 .. @generations + $places - $KEEP - 1], @others[0 .. @others - $KEEP - 1]);
    unlink map { "$STORE/$interface/$_" } @oldest;
    return;
}

# How the trial of a change ended, one of the outcomes; empty when nothing is known of it.
sub outcome_of {
    my ($interface, $change) = @_;
    for my $name (reverse grep { /$RECORD/ } entries("$STORE/$interface")) {
        my ($head) = split /\n\n/, read_file("$STORE/$interface/$name") // '', 2;
        return (split /\./, $name)[1] if ($head // '') =~ /^change \Q$change\E$/m;
    }
    return '';
}

sub history {
    my ($job, @interfaces) = @_;
    return fail($job, 'refused', "only root reads $STORE: set ssh.become to true, or ssh.user to root") if -e $STORE && !-r $STORE;
    @interfaces = grep { /$TUNNEL/ } entries($STORE) if !@interfaces;
    my @names = map { my $interface = $_; map { "$interface/$_" } grep { /^\d/ } entries("$STORE/$interface") } @interfaces;
    return finish($job) if !@names;
    my $sums = '';
    for my $name (@names) {
        my ($head) = split /\n\n/, read_file("$STORE/$name") // '', 2;
        reply($job, $name, join '', map { "$_\n" } grep { !/^plan / } split /\n/, $head // '');
        # Each name ends in the digest of its content.
        $sums .= $name =~ /\.([0-9a-f]{64})\z/ ? "$1  $STORE/$name\n" : '';
    }
    start([qw(sha256sum --check --quiet)], sub {
        my ($status, $said) = @_;
        my @damaged = map { m{^\Q$STORE\E/(.+): FAILED} ? $1 : () } split /\n/, $said;
        reply($job, 'damaged', join '', map { "$_\n" } @damaged);
        finish($job);
    }, input => $sums);
    return;
}

sub generation {
    my ($job, $interface, $name) = @_;
    my $content = $name =~ m{/} ? undef : read_file("$STORE/$interface/$name");
    return fail($job, 'refused', "there is no record $interface/$name") if !defined $content;
    reply($job, 'content', $content);
    finish($job);
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
    publish_found($interface, sub {
        forget_oldest($interface, 1);
        return $full->() if !$_[0] || !write_record($path, 'confirmed', $job->{payload});
        sync_paths([$path], sub {
            return $full->() if !$_[0] || !rename $path, "$store/" . next_sequence($store) . ".confirmed.$digest";
            finish($job);
        });
    });
    return;
}

1;
