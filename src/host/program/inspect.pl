# What there is on the host.
use strict;
use warnings;

our (%RUN, $INTERFACES_D, $IFUP_PATH, $STORE, $TRIALS, $TUNNEL);

# Payload: lines for `ip -batch`, an empty line, lines for `ip -6 -batch`.
sub inspect {
    my ($job) = @_;
    my %found = (uid => $>, ssh => $ENV{SSH_CONNECTION} // '', missing => join ' ', find_missing());
    my @lines = split /\n/, read_file('/proc/self/status') // '';
    # CapEff of proc_pid_status(5), in hex. A root without some of them is one in a container.
    ($found{capabilities}) = map { /^CapEff:\s*(\w+)/ ? $1 : () } @lines;
    $found{writable_etc} = 'yes' if -w $INTERFACES_D;
    $found{writable_run} = 'yes' if -w '/run';
    $found{writable_var} = 'yes' if -e $STORE ? -w $STORE : -w '/var/lib';
    for my $name (
        qw(net/ipv6/conf/all/disable_ipv6 net/ipv6/conf/default/disable_ipv6 net/ipv6/conf/all/forwarding
        net/ipv6/icmp/echo_ignore_all kernel/random/boot_id)
        )
    {
        (my $key = "sysctl:$name") =~ tr{/}{.};
        $found{$key} = read_line("/proc/sys/$name");
    }
    my @forwarding = $found{'sysctl:net.ipv6.conf.all.forwarding'} eq '1' ? find_forwarding() : ();
    $found{forwarding_files} = "@forwarding" if @forwarding;
    $found{cpus} = read_line('/sys/devices/system/cpu/online');
    # What a driver made is there before anything is configured.
    $found{hardware} = join ' ', grep { -e "/sys/class/net/$_/device" } entries('/sys/class/net');
    $found{sockets} = join ' ', map { (split)[1] } map { split /\n/, read_file($_) // '' } '/proc/net/udp', '/proc/net/udp6';
    $found{ifstate} = read_file('/run/network/ifstate') // '';
    $found{"trial:$_"} = describe_trial("$TRIALS/$_") for map { base_name($_) } trials();
    $found{dead_runs} = 'yes' if has_dead_runs();
    # networkd's settings, the last of which wins.
    $found{networkd} = join "\n", '', map { read_file($_) // () } networkd_files() if -e '/run/systemd/netif/state';
    %found = (%found, find_interfaces(), find_tunnel_files(), find_edited());
    reply($job, $_, $found{$_}) for grep { defined $found{$_} } sort keys %found;
    find_ifupdown(
        sub {
            my ($version) = @_;
            reply($job, 'ifupdown', $version) if defined $version;
            ask_about_network($job);
        }
    );
    return;
}

# Has a run left something of its own that nobody will remove? change.pl does, when it comes.
sub has_dead_runs {
    my @runs = map { /^\.(.*)\.(?:lock|guard)\z/ } entries($TRIALS);
    return scalar grep { !is_session_open($_) && !is_process_in("$TRIALS/.$_.guard") } @runs;
}

sub find_missing {
    my @missing = grep { !which($_) } qw(sha256sum sync);
    push @missing, 'ip' if !grep { -x "$_/ip" } split /:/, $IFUP_PATH;
    push @missing, '/sys' if !-d '/sys/class/net/lo';
    return @missing;
}

# `ifup --version` of it would take half a second: it asks dpkg.
sub has_ifupdown2 {
    my $ifup = which('ifup');
    return defined $ifup && is_same_file($ifup, '/usr/share/ifupdown2/__main__.py');
}

# Where both stand that Debian's package has, there is no need to ask. $done->(first line of its version; undef without ifup)
sub find_ifupdown {
    my ($done) = @_;
    my $ifup = which('ifup');
    return $done->(undef) if !defined $ifup || !which('ifdown');
    return $done->('ifupdown2') if has_ifupdown2();
    return $done->('ifup version 0.8 or newer') if $ifup =~ m{^/(?:usr/)?sbin/ifup\z} && !-l $ifup && -e '/lib/ifupdown/settle-dad.sh';
    return start(['ifup', '--version'], sub { $done->((split /\n/, $_[1])[0] // '') });
}

sub networkd_files {
    return conf_files('systemd/networkd.conf', 'systemd/networkd.conf.d');
}

# Paths of a file and of a directory of *.conf, below the directories that systemd and sysctl read, in their order.
sub conf_files {
    my ($name, $directory) = @_;
    return map { ("$_/$name", paths("$_/$directory", qr/\.conf\z/)) } qw(/lib /usr/lib /usr/local/lib /run /etc);
}

# Files of sysctl, networkd, FRR and the like in which a line may turn IPv6 forwarding on when the host boots.
sub find_forwarding {
    my @networks = map { ($_, paths("$_.d", qr/\.conf\z/)) } map { paths("$_/systemd/network", qr/\.network\z/) } qw(/usr/lib /run /etc);
    my @files = ('/etc/rc.local', conf_files('sysctl.conf', 'sysctl.d'), paths('/etc/frr', qr/\.conf\z/), networkd_files(), @networks);
    return grep { (read_file($_) // '') =~ /^[^#;!\n]*(?:ipv6[^\n]*|IPv6|IP)[fF]orward/m } @files;
}

# The tunnels' files; of each whether it can be read, and whether anything can be renamed onto it, or into its generations: not when it is
# immutable, mounted there, or of another kind.
sub find_tunnel_files {
    my $mounts = read_file('/proc/self/mountinfo') // '';
    my @files = paths($INTERFACES_D, $TUNNEL);
    my @fixed = grep { -d || !-f || !-w } @files;
    push @fixed, grep { !-d || !-w } paths($STORE, $TUNNEL);
    push @fixed, grep { $mounts =~ / \Q$_\E / } @files, paths($STORE, $TUNNEL);
    my %found = (fixed => join ' ', @fixed);
    my @unreadable = grep { !defined read_file($_) } grep { -f } '/etc/network/interfaces', @files;
    $found{unreadable} = join ' ', @unreadable;

    for my $file (grep { -f } @files) {
        my ($text, $rest) = split /\0/, read_file($file) // '', 2;
        $found{ 'file:' . base_name($file) } = $text // '';
        $found{binary} .= base_name($file) . ' ' if defined $rest;
    }
    return %found;
}

# Files that are not what our newest generation left: somebody has edited, removed or made them.
sub find_edited {
    my %found;
    for my $interface (grep { /$TUNNEL/ } entries($STORE)) {
        my $last = newest_generation($interface);
        next if $last eq '' || (read_file("$INTERFACES_D/$interface") // '') eq (file_in($last) // '');
        ($found{"edited:$interface"}) = $last =~ /^change (.*)$/m;
    }
    return %found;
}

# Whatever ifupdown may read but the tunnels' own files: what it makes of it, the controller knows. A word too much does no harm.
sub find_interfaces {
    my (%found, %seen);
    my $left = 1_000_000;
    my @queue = ('/etc/network/interfaces', paths($INTERFACES_D, qr/^[^.]/));
    while (defined(my $file = shift @queue)) {
        $file =~ s{/\./}{/}g;
        next if !-f $file || $seen{$file}++ || $file =~ m{^\Q$INTERFACES_D\E/vxlan[0-9a-f]+\z};
        my $text = read_file($file) // next;
        $left -= length($text) + 100;
        return (%found, unsent => $file) if $left <= 0;
        $found{ 'interfaces:' . keys %seen } = "$file\n$text";
        my ($directory) = $file =~ m{(.*)/};
        $text =~ s/\\\n/ /g;
        $text =~ tr/\r//d;

        for my $line (grep { /^\s*source/ } split /\n/, $text) {
            my (undef, @patterns) = split ' ', $line;
            push @queue, map { -d ? paths($_, qr/^[^.]/) : $_ } map { expand(m{^/} ? $_ : "$directory/$_") } @patterns;
        }
    }
    return %found;
}

# The files that a pattern stands for. What stands in every stock file needs no module to be read.
sub expand {
    my ($pattern) = @_;
    return paths($INTERFACES_D, qr/^[^.]/) if $pattern eq "$INTERFACES_D/*";
    return $pattern if $pattern !~ /[*?[]/;
    require File::Glob;
    return File::Glob::bsd_glob($pattern);
}

# A query that fails leaves no document, and its number among the errors.
sub ask_about_network {
    my ($job) = @_;
    my ($ways, $network) = split /\n\n/, $job->{payload}, 2;
    my ($from) = split ' ', $ENV{SSH_CONNECTION} // '';
    my $lines = "addr show\nroute get " . ($from // '') . "\n$ways\n";
    # A kernel that has made one makes another. Else it is asked for what it must refuse, once it knows what a VXLAN is.
    my $tries =
        $RUN{writes} eq 'yes' && !grep { (read_file("/sys/class/net/$_/uevent") // '') =~ /^DEVTYPE=vxlan$/m } entries('/sys/class/net');
    $lines .= "link add vxlan-none mtu 67 type vxlan id 1 dstport 4789\n" if $tries;
    my $number = $lines =~ tr/\n//;
    start(
        [qw(ip -d -j -force -batch -)],
        sub {
            my (undef, $links) = @_;
            if ($tries && $links =~ s/([^\n]*)\nCommand failed -:$number\z//) { reply($job, 'vxlan_answer', $1) }
            reply($job, 'links', $links);
            ask_kernel(
                $network // '',
                sub {
                    my ($answer) = @_;
                    reply($job, 'network', $answer);
                    # There is no host without rules.
                    return finish($job) if $answer =~ /^\[(?!\{"filter")/m;
                    explain_ip($job);
                }
            );
        },
        input => $lines
    );
    return;
}

# Why ip has not answered, and which one it is, for people.
sub explain_ip {
    my ($job) = @_;
    start(
        [qw(ip -6 -d -N -j rule show)],
        sub {
            my ($said) = split /\n/, $_[1];
            start(
                [qw(ip -V)],
                sub {
                    reply($job, 'ip_fault', ($said // '') . ' (' . ((split /\n/, $_[1])[0] // '') . ')');
                    finish($job);
                }
            );
        }
    );
    return;
}

1;
