# What is kept of each change under /var/lib/vxfleet, and given back.
use strict;
use warnings;

our ($STORE);

# Outcomes that are generations. The rest say how a trial ended instead: reverted, window, session, peer.
our $GENERATION = qr/^\d{6}\.(?:confirmed|found)/;
our $RECORD = qr/^\d{6}\./;
our $TUNNEL = qr/^vxlan[0-9a-f]+\z/;

# What stands between its head and the file.
my $HAS_FILE = "\nfile present\n\n";

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
    my @names = map { substr $_, 1 + length $STORE } map { paths("$STORE/$_", qr/^\d/) } @interfaces;
    return finish($job) if !@names;
    my $sums = '';
    for my $name (@names) {
        my ($head) = split /\n\n/, read_file("$STORE/$name") // '', 2;
        reply($job, $name, join '', map { "$_\n" } grep { !/^plan / } split /\n/, $head // '');
        # Each name ends in the digest of its content.
        $sums .= $name =~ /\.([0-9a-f]{64})\z/ ? "$1  $STORE/$name\n" : '';
    }
    start(
        [qw(sha256sum --check --quiet)],
        sub {
            my ($status, $said) = @_;
            my @damaged = map { m{^\Q$STORE\E/(.+): FAILED} ? $1 : () } split /\n/, $said;
            reply($job, 'damaged', join '', map { "$_\n" } @damaged);
            finish($job);
        },
        input => $sums
    );
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

1;
