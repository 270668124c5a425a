/** Shell text that makes a namespace a host with an ifupdown whose behaviour the interfaces file itself asks for. */
const FAKE_IFUPDOWN = String.raw`#!/bin/bash
# ifup and ifdown. Words in the file: FAIL = ifup fails once the link is there, FAIL_EARLY = before, FAIL_TWICE = ifup fails two times,
# INCOMPLETE = refused by ifup -n, LOUD = much output, SLOW = ifup takes a second, SLOWDOWN = ifdown takes its time, STAYS = the link
# outlives ifdown's work.
name=\${0##*/} file='' dry=''
while (($#)); do
  case $1 in
    --version) echo "$name version 0.8.41"; exit 0 ;;
    -i) file=$2; shift ;;
    -n) dry=yes ;;
    --state-dir) shift ;;
    --force) ;;
    *) interface=$1 ;;
  esac
  shift
done
[[ -n $file ]] || file=/etc/network/interfaces.d/$interface
echo "$name \${dry:+-n }$(head -n 1 "$file" 2>/dev/null)" >>/var/lib/fake.log
has() { grep -qw "$1" "$file" 2>/dev/null; }
case $name in
  ifup)
    if has INCOMPLETE; then echo "ifup: missing required variable: address"; exit 1; fi
    [[ -z $dry ]] || exit 0
    [[ -e $file ]] || { echo "ifup: unknown interface $interface" >&2; exit 1; }
    has FAIL_TWICE && for i in 1 2; do mkdir "/var/lib/failed$i" 2>/dev/null && exit 1; done
    has FAIL_EARLY && { echo 'RTNETLINK answers: No such device'; exit 1; }
    has SLOW && sleep 1
    has LOUD && for i in {1..200}; do echo "line $i of a very talkative hook, with a \\ and a \"quote\" and an ümlaut"; done
    ip link add "$interface" type vxlan id "$((16#\${interface#vxlan}))" local 192.0.2.1 remote 192.0.2.2 dev wire dstport 4789 || exit 1
    ip link set "$interface" alias "$(head -n 1 "$file")"
    ip addr add 2001:db8::1/64 dev "$interface" nodad
    ip link set "$interface" up
    has FAIL && { echo 'ifup: failed to bring up'; exit 1; }
    exit 0
    ;;
  ifdown)
    has STAYS && exit 1
    has SLOWDOWN && sleep 1.5
    ip link del "$interface"
    ;;
esac
`.replaceAll('\\$', '$');

/**
 * The other end of all tunnels, behind the device `wire`: what answers stands in /var/lib/answers, a line `FIRST_LINE_OF_THE_RUNNING_FILE|TARGET`
 * each, or with `|unreachable` behind it, which is an ICMPv6 error; nothing else answers. Every question, not its repetition, is in
 * /var/lib/fake.log. Neighbours are all there.
 */
const FAKE_PEER = String.raw`
my ($mac, $wire) = ("\x02\0\0\0\0\x99");
sub read_file { open my $file, '<', $_[0] or return ''; local $/; return readline $file }
sub packed { my ($head, $tail) = map { [split /:/] } split /::/, $_[0], 2;
  my @words = (@$head, $tail ? ((0) x (8 - @$head - @$tail), @$tail) : ()); return pack 'n8', map { hex } @words }
sub text { my $text = join ':', map { sprintf '%x', $_ } unpack 'n8', $_[0]; $text =~ s/(^|:)0(:0)+(:|$)/::/; return $text }
sub icmp { my ($from, $to, $body) = @_; my $sum = 0; substr $body, 2, 2, "\0\0";
  $sum += $_ for unpack 'n*', $from . $to . pack('N N', length $body, 58) . $body . "\0" x (length($body) & 1);
  $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16; substr $body, 2, 2, pack 'n', ~$sum & 0xffff;
  return pack('N n C C', 0x60000000, length $body, 58, 255) . $from . $to . $body }
socket $wire, 17, 3, unpack 'n', pack 'S', 3 or die "socket: $!";
bind $wire, pack 'S n i x12', 17, 3, read_file('/sys/class/net/peer/ifindex') or die "bind: $!";
while (1) {
  recv $wire, my $frame, 9000, 0;
  next if length $frame < 104 || unpack('n', substr $frame, 36) != 4789;
  my ($interface, $inner) = (sprintf('vxlan%02x', unpack('N', substr $frame, 46, 4) >> 8), substr $frame, 50);
  my ($asker, $from, $to, $body) = (substr($inner, 6, 6), substr($inner, 22, 16), substr($inner, 38, 16), substr $inner, 54);
  my ($type) = unpack 'C', $body;
  next if unpack('n', substr $inner, 12) != 0x86dd || ord(substr $inner, 20) != 58;
  my $answer;
  if ($type == 135 && $from ne "\0" x 16) {
    my $target = substr $body, 8, 16;
    $answer = icmp($target, $from, pack('C C n N', 136, 0, 0, 0x60000000) . $target . "\2\1$mac");
  } elsif ($type == 128) {
    chomp(my $alias = read_file("/sys/class/net/$interface/ifalias"));
    if (unpack('n', substr $body, 6) == 1) { open my $log, '>>', '/var/lib/fake.log'; print $log "ping $alias|" . text($to) . "\n" }
    for (split /\n/, read_file('/var/lib/answers')) {
      my ($file, $target, $how) = split /\|/;
      next if $file ne $alias || packed($target =~ s/%.*//r) ne $to;
      $answer = $how ? icmp($to, $from, pack('C C n N', 1, 3, 0, 0) . substr $inner, 14, 1200) : icmp($to, $from, chr(129) . substr $body, 1);
    }
  }
  next if !defined $answer;
  my $outer = substr $frame, 0, 50;
  substr $outer, 0, 12, substr($outer, 6, 6) . substr($outer, 0, 6);
  my $packet = pack('C C n n n C C n', 69, 0, 36 + 14 + length $answer, 0, 0x4000, 64, 17, 0) . substr($outer, 30, 4) . substr $outer, 26, 4;
  my $sum = 0; $sum += $_ for unpack 'n*', $packet;
  substr $packet, 10, 2, pack 'n', ~(($sum & 0xffff) + ($sum >> 16)) & 0xffff;
  my $udp = pack('n n n n', 5555, 4789, 16 + 14 + length $answer, 0) . substr $outer, 42, 8;
  send $wire, substr($outer, 0, 14) . $packet . $udp . $asker . $mac . pack('n', 0x86dd) . $answer, 0;
}
`.replaceAll('\\$', '$');

export const FAKE_HOST = `
mount -t tmpfs tmpfs /run; mkdir -p /run/network
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /etc; mkdir -p /etc/network/interfaces.d
echo 'source /etc/network/interfaces.d/*' >/etc/network/interfaces
mount -t tmpfs tmpfs /usr/local/sbin
cat >/usr/local/sbin/ifup <<'END_OF_FAKE'
${FAKE_IFUPDOWN}END_OF_FAKE
chmod 755 /usr/local/sbin/ifup
cp /usr/local/sbin/ifup /usr/local/sbin/ifdown
sysctl -qw net.ipv6.conf.default.dad_transmits=0
ip link add wire type veth peer name peer
ip addr add 192.0.2.1/24 dev wire
ip link set wire up
ip link set peer up
ip neigh add 192.0.2.2 lladdr "$(cat /sys/class/net/peer/address)" dev wire
cat >/usr/local/sbin/fake-peer <<'END_OF_FAKE'
${FAKE_PEER}END_OF_FAKE
perl /usr/local/sbin/fake-peer >/dev/null </dev/null &
`;
