# What ip and sync do for many at once: what arrives together is one process.
use strict;
use warnings;

# Bytes of questions that one process is asked.
my $MOST_QUESTIONS = 32_768;

my (@questions, $is_asking);    # {lines for ip -6 -batch, answer, done: what to do with it}
my (@unsynced, $is_syncing);    # [paths, what to do then]

# One JSON document for each query that was answered, on a line of its own.
sub ask_kernel {
    my ($lines, $done) = @_;
    push @questions, { lines => $lines, done => $done, answer => '' };
    after(0, \&ask_next) if @questions == 1 && !$is_asking;
    return;
}

# ip knows no "mark", and its number among the errors parts the answers from each other. Links come last: once ip 6.1 was asked for one, it
# answers for links where it is asked for addresses.
sub ask_next {
    my ($bytes, $input, $number, @asked, @marks) = (0, '', 0);
    while (@questions && $bytes < $MOST_QUESTIONS) {
        my $question = shift @questions;
        $bytes += length $question->{lines};
        push @asked, $question;
    }
    $is_asking = @asked or return;
    for my $is_link ('', 1) {
        for my $question (@asked) {
            my @lines = grep { /^link / == $is_link } split /\n/, $question->{lines};
            $input .= join '', map { "$_\n" } @lines, 'mark';
            $number += @lines + 1;
            push @marks, [$number, $question];
        }
    }
    my $answered = sub {
        my (undef, $text) = @_;
        for my $mark (@marks) {
            my ($line, $question) = @{$mark};
            (my $said, $text) = split /^Command failed -:$line(?:\n|\z)/m, $text // '', 2;
            $question->{answer} .= join '', map { "$_\n" } grep { /^[\[{]/ } split /\n/, $said // '';
        }
        $_->{done}->($_->{answer}) for @asked;
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
