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
    ip link add "$interface" type vxlan id "$((16#\${interface#vxlan}))" dstport 4789 || exit 1
    ip link set "$interface" alias "$(head -n 1 "$file")"
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
 * ping: what answers stands in /var/lib/answers, a line `FIRST_LINE_OF_THE_RUNNING_FILE|TARGET` each; nothing else does. Every question is
 * in /var/lib/fake.log, but for those to the host itself, which are answered. As iputils' ping with -w it goes on asking until its time is over, unless the file says at once that it cannot.
 */
const FAKE_PING = String.raw`#!/bin/bash
target=\${!#}
while (($#)); do
  case $1 in
    -I) interface=$2; shift ;;
    -w) seconds=$2; shift ;;
  esac
  shift
done
[[ $target != ::1 ]] || { echo '1 packets transmitted, 1 received, 0% packet loss'; exit 0; }
alias=$(cat "/sys/class/net/$interface/ifalias" 2>/dev/null)
echo "ping $alias|$target" >>/var/lib/fake.log
for ((tries = 0; tries < \${seconds:-1} * 10; tries++)); do
  grep -qxF "$alias|$target" /var/lib/answers 2>/dev/null && { echo '1 packets transmitted, 1 received, 0% packet loss'; exit 0; }
  ! grep -qxF "$alias|$target|unreachable" /var/lib/answers 2>/dev/null || break
  sleep 0.1
done
echo '5 packets transmitted, 0 received, 100% packet loss'
exit 1
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
cat >/usr/local/sbin/ping <<'END_OF_FAKE'
${FAKE_PING}END_OF_FAKE
chmod 755 /usr/local/sbin/ping
`;
