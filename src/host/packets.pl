# The part of vxfleet's hand on a host (host.pl) that sends packets. It is sent before the first command of these; neither changes anything:
#   probe IF SECONDS [anew|diagnose]
#                           payload: lines "KEY SOURCE TARGET BYTES", each asked until it answers or SECONDS are over; answers "KEY 0 MS", or
#                           "KEY 1 WHY", or 126 when this host cannot ask. "anew" asks again for neighbours that were asked for in vain, as
#                           "diagnose" does, which adds, with one not answered in the first second, what is known of the layers below
#                           (neighbours, underlay)
#   intrude SECONDS         payload: lines "send LOCAL FROM_PORT REMOTE PORT VNI NUMBER TO_MAC FROM_MAC SOURCE TARGET", that many packets each that the
#                           other end must not let in, and "count COUNTER LEAST" for those that it sends to this one; ends when each counter of
#                           this host's filter has come to so many packets, or after SECONDS; answers "COUNTER PACKETS" for each that is there,
#                           and why a packet could not be sent
use strict;
use warnings;

our (%RUN, %VERBS);

# Linux: bits/socket.h, linux/in6.h, netinet/icmp6.h, asm-generic/errno-base.h.
our %LINUX = (
    AF_INET => 2,
    AF_INET6 => 10,
    SOCK_RAW => 3,
    IPPROTO_ICMP => 1,
    IPPROTO_UDP => 17,
    IPPROTO_IPV6 => 41,
    IPPROTO_ICMPV6 => 58,
    SOL_SOCKET => 1,
    SO_BINDTODEVICE => 25,
    IPV6_MTU => 24,
    IPV6_MTU_DISCOVER => 23,
    IPV6_PMTUDISC_DO => 2,
    IPV6_DONTFRAG => 62,
    ICMP6_FILTER => 1,
    ICMP6_ECHO_REQUEST => 128,
    ICMP6_ECHO_REPLY => 129,
    ICMP_ECHO => 8,
    EMSGSIZE => 90,
);
# Of IPv6 and ICMPv6, in bytes.
our $HEADERS = 48;
# Of an IPv6 packet that every path takes, in bytes: what ping(8) sends.
our $SMALL = 104;

require './program/ping.pl';
require './program/probe.pl';
require './program/intrusion.pl';

@VERBS{qw(probe intrude)} = (\&probe, \&intrude);

1;
