# Questions to the kernel. What arrives together is one process.
use strict;
use warnings;

# Bytes of questions that one process is asked.
my $MOST_QUESTIONS = 32_768;

my (@questions, $is_asking);    # {lines for ip -6 -batch, answer, done: what to do with it}

# One JSON document for each query that was answered, on a line of its own. A line "filter WORD..." asks for what our table of nftables has of these
# (of all: *), and is answered last.
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
            my @lines = grep { /^link / == $is_link && !/^filter / } split /\n/, $question->{lines};
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
        add_filters(
            \@asked,
            sub {
                $_->{done}->($_->{answer}) for @asked;
                ask_next();
            }
        );
    };
    start([qw(ip -6 -d -N -j -force -batch -)], $answered, input => $input);
    return;
}

# The table is read once for all who ask. It is text: nft's JSON of 255 tunnels is four times as long.
sub add_filters {
    my ($asked, $done) = @_;
    my @askers = grep { $_->{lines} =~ /^filter /m } @{$asked};
    return $done->() if !@askers;
    my $answered = sub {
        my ($status, $text) = @_;
        # Without the table there is nothing of it; all else says why nothing can be known.
        my $is_answer = $status == 0 || $text =~ /^Error: No such file or directory/m;
        my ($fault) = $is_answer ? () : split /\n/, $text;
        my $parts = $status == 0 ? parts_of_table($text) : [];
        for my $question (@askers) {
            my ($words) = $question->{lines} =~ /^filter (.*)/m;
            $question->{answer} .= filter_document($parts, $fault, split ' ', $words);
        }
        $done->();
    };
    start([qw(nft -s list table inet vxfleet)], $answered);
    return;
}

# Chains and sets: [kind, name, its rules or elements].
sub parts_of_table {
    my ($text) = @_;
    my @parts;
    while ($text =~ /^\t(chain|map|set) (\S+) \{\n(.*?)^\t\}/gms) {
        my ($kind, $name, $body) = ($1, $2, $3);
        my ($elements) = $body =~ /elements = \{ (.*?) \}/s;
        my @lines = $kind eq 'chain' ? map { s/^\t+//r } split /\n/, $body : split /,\s+/, $elements // '';
        push @parts, [$kind, $name, @lines];
    }
    return \@parts;
}

# Of a chain all, when it is named; of a set what names one of the words, and all when it is one of them.
sub filter_document {
    my ($parts, $fault, @words) = @_;
    my %wanted = map { $_ => 1 } @words;
    my @lists;
    for my $part (@{$parts}) {
        my ($kind, $name, @lines) = @{$part};
        if (!$wanted{$name} && !$wanted{'*'}) {
            next if $kind eq 'chain';
            @lines = grep {
                grep { $wanted{$_} }
                    split /[\s":]+/
            } @lines or next;
        }
        s/(["\\])/\\$1/g for @lines;
        push @lists, '[' . join(',', map { "\"$_\"" } $kind eq 'chain' ? $kind : 'set', $name, @lines) . ']';
    }
    (my $why = $fault // '') =~ s/["\\]/\\$&/g;
    return '[{"filter":[' . join(',', @lists) . qq(],"fault":"$why"}]\n);
}

1;
