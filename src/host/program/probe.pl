# Packets that have to come back, and what the layers below say when none does: the verb `probe`.
use strict;
use warnings;

our (%RUN, $SMALL);

# Payload: lines "KEY SOURCE TARGET BYTES".
sub probe {
    my ($job, $interface, $seconds, $depth) = @_;
    my @questions;
    for my $line (split /\n/, $job->{payload}) {
        my ($key, $source, $target, $bytes) = split ' ', $line;
        push @questions, { key => $key, source => $source, target => $target, bytes => $bytes };
    }
    my $counter = "/sys/class/net/$interface/statistics/rx_packets";
    my ($before, $pieces) = (read_line($counter) || 0, count_fragments());
    my $waiting = 1;
    my $end = sub {
        return if --$waiting > 0;
        reply($job, 'answered_at', int 1000 * now());
        reply($job, 'pings', join "\n", map { $_->{outcome} } @questions);
        reply($job, 'received', (read_line($counter) || 0) - $before);
        reply($job, 'fragments', count_fragments() - $pieces);
        finish($job);
    };
    my $ask = sub {
        for my $question (@questions) {
            $waiting++;
            ping(
                $question,
                $seconds,
                sub {
                    my ($rtt, $why, $is_unable) = @_;
                    my $said = defined $rtt ? sprintf '0 %.3f', $rtt : ($is_unable ? 126 : 1) . " $why";
                    $question->{outcome} = "$question->{key} $said";
                    $end->();
                }
            );
        }
        # Early enough that nobody waits for the diagnosis; nearly all are answered before.
        my $silent = sub {
            grep { !$_->{outcome} } @questions;
        };
        my $look = sub {
            return if $job->{is_done} || !$silent->();
            $waiting++;
            look_below($job, $interface, [$silent->()], $end);
        };
        after($seconds < 1 ? $seconds / 2 : 0.9, $look) if defined $depth && $depth eq 'diagnose';
        $end->();
    };
    # Who has asked for the other end while that was down asks again only after a second: what the hub forwards is enough for it.
    return $ask->() if !defined $depth || $RUN{writes} ne 'yes';
    return ask_kernel("neigh flush dev $interface nud incomplete nud failed\n", $ask);
}

# Pieces of IPv4 packets that have come to the host since it started: ReasmReqds of /proc/net/snmp.
sub count_fragments {
    my (undef, $values) = (read_file('/proc/net/snmp') // '') =~ /^Ip: (.*)\nIp: (.*)/m;
    return (split ' ', $values // '')[13] // 0;
}

# For the diagnosis: neighbours and the underlay, and whether a small packet would pass.
sub look_below {
    my ($job, $interface, $silent, $done) = @_;
    my $waiting = @{$silent} + 1;
    my $end = sub { $done->() if --$waiting == 0 };
    for my $question (@{$silent}) {
        ping(
            { %{$question}, bytes => $SMALL },
            1,
            sub {
                reply($job, 'small', "$question->{key} ") if defined $_[0];
                $end->();
            }
        );
    }
    ask_kernel(
        "neigh show dev $interface\nlink show dev $interface\n",
        sub {
            my ($answer) = @_;
            my ($link) = grep { /"linkinfo"/ } split /\n/, $answer;
            reply($job, 'neighbours', join "\n", grep { !/"linkinfo"/ } split /\n/, $answer);
            my ($remote, $local) = map { ($link // '') =~ /"$_":"([0-9.]+)"/ } qw(remote local);
            my ($device) = ($link // '') =~ /"info_data":\{[^}]*"link":"([^"]+)"/;
            return $end->() if !defined $remote;
            # As the tunnel's packets go: a rule may send them another way than those of the host.
            my @way = ($remote, defined $local ? ('from', $local) : (), defined $device ? ('oif', $device) : ());
            start(
                [qw(ip -j route get), @way],
                sub {
                    my (undef, $route) = @_;
                    reply($job, 'underlay_route', $route);
                    ping_underlay(
                        $local, $remote,
                        sub {
                            reply($job, 'underlay_ping', $_[0] ? 0 : 1);
                            $end->();
                        }
                    );
                }
            );
        }
    );
    return;
}

1;
