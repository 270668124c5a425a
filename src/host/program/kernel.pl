# What ip and sync do for many at once: what arrives together is one process.
use strict;
use warnings;

# Bytes of questions that one process is asked.
my $MOST_QUESTIONS = 32_768;

my (@questions, $is_asking);    # [lines for ip -6 -batch, what to do with the answer]
my (@unsynced, $is_syncing);    # [paths, what to do then]

# One JSON document for each query that was answered, on a line of its own.
sub ask_kernel {
    my ($lines, $done) = @_;
    push @questions, [$lines, $done];
    after(0, \&ask_next) if @questions == 1 && !$is_asking;
    return;
}

# ip knows no "mark", and its number among the errors parts the answers from each other.
sub ask_next {
    my ($input, $line, @asked) = ('', 0);
    while (@questions && length $input < $MOST_QUESTIONS) {
        my ($lines, $done) = @{ shift @questions };
        $input .= "${lines}mark\n";
        $line += 1 + $lines =~ tr/\n//;
        push @asked, [$line, $done];
    }
    $is_asking = @asked or return;
    my $answered = sub {
        my (undef, $text) = @_;
        for my $one (@asked) {
            my ($number, $done) = @{$one};
            (my $mine, $text) = split /^Command failed -:$number\n?/m, $text, 2;
            $text //= '';
            $done->(join '', map { "$_\n" } grep { /^[\[{]/ } split /\n/, $mine // '');
        }
        ask_next();
    };
    start([qw(ip -6 -d -N -j -force -batch -)], $answered, input => $input);
    return;
}

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

1;
