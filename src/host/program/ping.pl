# One packet and its answer, by raw sockets: through the tunnel, and over the underlay.
use strict;
use warnings;

our (%LINUX, $HEADERS, $SMALL);

my $SECONDS_BETWEEN = 0.2;

# Why no raw socket can be had; empty when one can.
sub socket_fault {
    return socket(my $socket, $LINUX{AF_INET6}, $LINUX{SOCK_RAW}, $LINUX{IPPROTO_ICMPV6}) ? '' : "raw ICMPv6 socket: $!";
}

# Text of an IPv6 address as 16 bytes.
sub packed_address {
    my ($text) = @_;
    my ($head, $tail) = map { [split /:/] } split /::/, $text, 2;
    my @words = @{$head};
    push @words, (0) x (8 - @words - @{$tail}), @{$tail} if $tail;
    return pack 'n8', map { hex } @words;
}

# As connect(2) and bind(2) take it (ipv6(7)); a link-local address has its device behind a %.
sub socket_address {
    my ($text) = @_;
    my ($address, $device) = split /%/, $text;
    my $scope = defined $device ? read_line("/sys/class/net/$device/ifindex") || 0 : 0;
    return pack 'S n N a16 L', $LINUX{AF_INET6}, 0, 0, packed_address($address), $scope;
}

# Asks until the first answer, or for so many seconds. $done is called with the round trip in ms, or with undef and why there is none, and
# whether that is because this host cannot ask at all. Nothing is fragmented on the way. A question that cannot be sent yet is asked again.
#   source  address, target  address, bytes  of the IPv6 packet, device  that it has to leave by, if any
sub ping {
    my ($question, $seconds, $done) = @_;
    my $ends = now() + $seconds;
    my %state = (sequence => 0, why => 'no answer');
    my $end = sub {
        my (@outcome) = @_;
        return if $state{is_over}++;
        close_socket(\%state);
        $done->(@outcome);
    };
    my $answered = sub { $end->($_[0]) };
    my $ask;
    $ask = sub {
        return if $state{is_over};
        return $end->(undef, $state{why}, $state{is_unable}) if now() >= $ends;
        open_socket(\%state, $question, $answered) and send_echo(\%state, $question);
        after($SECONDS_BETWEEN, $ask);
    };
    $ask->();
    return;
}

sub close_socket {
    my ($state) = @_;
    my $socket = delete $state->{socket} or return;
    forget($socket);
    close $socket;
    return;
}

sub open_socket {
    my ($state, $question, $answered) = @_;
    return 1 if $state->{socket};
    my $socket;
    if (!socket $socket, $LINUX{AF_INET6}, $LINUX{SOCK_RAW}, $LINUX{IPPROTO_ICMPV6}) {
        @{$state}{qw(why is_unable)} = ("raw ICMPv6 socket: $!", 1);
    }
    else {
        my @filter = (0xffff_ffff) x 8;
        $filter[$LINUX{ICMP6_ECHO_REPLY} >> 5] &= ~(1 << ($LINUX{ICMP6_ECHO_REPLY} & 31)) & 0xffff_ffff;
        setsockopt $socket, $LINUX{IPPROTO_ICMPV6}, $LINUX{ICMP6_FILTER}, pack 'L8', @filter;
        setsockopt $socket, $LINUX{IPPROTO_IPV6}, $LINUX{IPV6_MTU_DISCOVER}, pack 'i', $LINUX{IPV6_PMTUDISC_DO};
        setsockopt $socket, $LINUX{IPPROTO_IPV6}, $LINUX{IPV6_DONTFRAG}, pack 'i', 1;
        setsockopt $socket, $LINUX{SOL_SOCKET}, $LINUX{SO_BINDTODEVICE}, "$question->{device}\0" if $question->{device};
        if (defined $question->{source} && !bind $socket, socket_address($question->{source})) { $state->{why} = "bind: $!" }
        elsif (!connect $socket, socket_address($question->{target})) { $state->{why} = "connect: $!" }
        else {
            @{$state}{qw(socket id)} = ($socket, int rand 65_536);
            when_readable($socket, sub { hear_echo($state, $answered) });
        }
    }
    return $state->{socket};
}

sub send_echo {
    my ($state, $question) = @_;
    $state->{sent}[++$state->{sequence} & 0xffff] = now();
    # The kernel fills in the checksum.
    my $packet = pack 'C C n n n x' . (($question->{bytes} // $SMALL) - $HEADERS), $LINUX{ICMP6_ECHO_REQUEST}, 0, 0, $state->{id},
        $state->{sequence} & 0xffff;
    return if defined send $state->{socket}, $packet, 0;
    $state->{why} = "send: $!";
    $state->{why} = "message too long, mtu: " . unpack 'i', getsockopt $state->{socket}, $LINUX{IPPROTO_IPV6}, $LINUX{IPV6_MTU}
        if $! == $LINUX{EMSGSIZE};
    return;
}

sub hear_echo {
    my ($state, $answered) = @_;
    my $packet;
    if (!defined recv $state->{socket}, $packet, 65_536, 0) {
        # What an ICMPv6 error says of our packet.
        $state->{why} = "$!";
        return close_socket($state);
    }
    my ($type, undef, undef, $id, $sequence) = unpack 'C C n n n', $packet;
    my $sent = $state->{sent}[$sequence // 0];
    return if length $packet < 8 || $type != $LINUX{ICMP6_ECHO_REPLY} || $id != $state->{id} || !defined $sent;
    return $answered->(1000 * (now() - $sent));
}

# IPv4, of the underlay: does it answer within a second?
sub ping_underlay {
    my ($source, $target, $done) = @_;
    my ($is_over, $socket);
    my $end = sub {
        return if $is_over++;
        forget($socket) if $socket;
        $done->($_[0]);
    };
    my $packed = sub { pack 'S n a4 x8', $LINUX{AF_INET}, 0, pack 'C4', split /\./, $_[0] };
    my $id = int rand 65_536;
    my $body = pack 'C C n n n', $LINUX{ICMP_ECHO}, 0, 0, $id, 1;
    my $sum = 0;
    $sum += $_ for unpack 'n*', $body;
    substr $body, 2, 2, pack 'n', ~(($sum & 0xffff) + ($sum >> 16)) & 0xffff;
    my $is_sent =
           socket($socket, $LINUX{AF_INET}, $LINUX{SOCK_RAW}, $LINUX{IPPROTO_ICMP})
        && (!defined $source || bind $socket, $packed->($source))
        && connect($socket, $packed->($target))
        && defined send $socket, $body, 0;
    return $end->(0) if !$is_sent;
    when_readable(
        $socket,
        sub {
            my $packet;
            return $end->(0) if !defined recv $socket, $packet, 65_536, 0;
            my (undef, undef, undef, $its) = unpack 'C C n n', substr $packet, 4 * (ord($packet) & 15);
            $end->(1) if defined $its && $its == $id;
        }
    );
    after(1, sub { $end->(0) });
    return;
}

1;
