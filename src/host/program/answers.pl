# What goes back to the controller.
use strict;
use warnings;

our %RUN;

# Bytes of a value in one line: the controller keeps no more than 4096 of a line that has not come to its end.
my $PIECE = 3000;

sub answer {
    my ($job, $words) = @_;
    send_bytes(*STDOUT, "$RUN{nonce} $job->{sequence} $words\n");
    return;
}

# A value, in as many lines as it takes.
sub reply {
    my ($job, $key, $value) = @_;
    $value =~ s/\\/\\\\/g;
    $value =~ s/\n/\\n/g;
    my $at = 0;
    do {
        answer($job, "$key " . substr $value, $at, $PIECE);
        $at += $PIECE;
    } while ($at < length $value);
    return;
}

# Ends a job well.
sub finish {
    my ($job) = @_;
    answer($job, '! ok');
    $job->{is_done} = 1;
    return;
}

# Ends a job with a reason word (read by the controller) and one line of text (read by a person).
sub fail {
    my ($job, $reason, $text) = @_;
    $text =~ s/\n/; /g;
    answer($job, "! $reason " . substr $text, 0, 800);
    $job->{is_done} = 1;
    return;
}

1;
