# Questions to the kernel. What arrives together is one process.
use strict;
use warnings;

# Bytes of questions that one process is asked.
my $MOST_QUESTIONS = 32_768;

my (@questions, $is_asking);    # {lines for ip -6 -batch, answer, done: what to do with it}

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

1;
