# Packets that must not pass, and what the filter has counted of those that the other end has sent: the verb `intrude`.
use strict;
use warnings;

our %LINUX;

# Twice as long from one look at the counters to the next.
my $FIRST_LOOK = 0.05;

# RFC 7348 (VXLAN), and RFC 8200: an IPv6 packet that ends with its header, which nobody answers.
my ($VNI_IS_VALID, $IPV6, $VERSION_6, $NO_NEXT_HEADER, $HOP_LIMIT) = (0x0800_0000, 0x86dd, 0x6000_0000, 59, 64);
my $UDP_HEADER = 8;

sub intrude {
    my ($job, $seconds) = @_;
    my (%least, $why);
    for my $line (split /\n/, $job->{payload}) {
        my ($kind, @words) = split ' ', $line;
        if ($kind eq 'count') { $least{ $words[0] } = $words[1] }
        else { $why = send_frames(@words) // $why }
    }
    reply($job, 'unsent', $why) if defined $why;
    my ($ends, $pause) = (now() + $seconds, $FIRST_LOOK);
    my $look;
    $look = sub {
        count_drops(
            sub {
                my ($counted) = @_;
                my @missing = grep { ($counted->{$_} // 0) < $least{$_} } keys %least;
                if (@missing && now() + $pause < $ends) {
                    after($pause, $look);
                    $pause *= 2;
                    return;
                }
                reply($job, 'counters', join "\n", map { "$_ $counted->{$_}" } grep { defined $counted->{$_} } keys %least);
                finish($job);
            }
        );
    };
    return $seconds > 0 ? after($FIRST_LOOK, $look) : $look->();
}

# As the other end's VXLAN would send them. Says why one could not be sent.
sub send_frames {
    my (@words) = @_;
    my %frame;
    @frame{qw(local from_port remote port vni number to from source target)} = @words;
    my $underlay = sub { pack 'S n a4 x8', $LINUX{AF_INET}, 0, pack 'C4', split /\./, $_[0] };
    my $payload = join '',
        pack('N N', $VNI_IS_VALID, $frame{vni} << 8),
        pack('H12 H12 n', map({ s/://gr } @frame{qw(to from)}), $IPV6),
        pack('N n C C', $VERSION_6, 0, $NO_NEXT_HEADER, $HOP_LIMIT),
        map { packed_address($_) } @frame{qw(source target)};
    # Raw, because VXLAN itself may have the port; without a checksum, as VXLAN's own.
    my $packet = pack('n4', @frame{qw(from_port port)}, $UDP_HEADER + length $payload, 0) . $payload;
    my $socket;
    my $is_open = socket($socket, $LINUX{AF_INET}, $LINUX{SOCK_RAW}, $LINUX{IPPROTO_UDP}) && bind $socket, $underlay->($frame{local});
    for (1 .. $frame{number}) {
        return "$frame{local} to $frame{remote}: $!" if !$is_open || !defined send $socket, $packet, 0, $underlay->($frame{remote});
    }
    return;
}

my (@waiting, $is_counting);

# Who asks while an answer is on its way gets the next one: one process, however many tunnels are proven at once.
sub count_drops {
    my ($done) = @_;
    push @waiting, $done;
    return if $is_counting;
    my @asking = splice @waiting;
    $is_counting = 1;
    start(
        [qw(nft list counters table inet vxfleet)],
        sub {
            my (undef, $text) = @_;
            my %counted = $text =~ /^\s*counter (\S+) \{\s+packets (\d+)/gm;
            $is_counting = 0;
            $_->(\%counted) for @asking;
            if (my $next = shift @waiting) { count_drops($next) }
        }
    );
    return;
}

1;
