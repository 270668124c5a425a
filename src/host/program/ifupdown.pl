# ifupdown's way up and down, and ifupdown2's, as on Proxmox VE. What was measured of both: docs/ifupdown.md.
use strict;
use warnings;

our ($INTERFACES_D, $TRIALS, $UP_SECONDS);

# flock(2)
my ($LOCK_EX, $LOCK_NB) = (2, 4);

my $has_ifupdown2 = has_ifupdown2();

sub exists_link { return -e "/sys/class/net/$_[0]" }

# Does ifupdown believe that it is up? ifupdown2 brings up whatever it believes.
sub is_remembered {
    my ($interface) = @_;
    return !$has_ifupdown2 && (read_file('/run/network/ifstate') // '') =~ /^\Q$interface\E=/m;
}

# Runs ifup or ifdown for a trial as long as that is in this state: whoever moves it on ends what runs. $done->($status, $output)
# The file `ifup` in the trial names the process; it is written before the state is looked at, and read by others after they have changed it.
sub run_for {
    my ($trial, $state, $command, $done) = @_;
    my $before = sub { name_process($trial, 'ifup', process_of($$)) && -e "$trial/$state" };
    start($command, $done, seconds => $UP_SECONDS, before => $before);
    return;
}

# Ends an ifup or ifdown that runs for the trial, with all that it has started: nothing must come up after it was ended.
sub stop_ifup {
    my ($trial) = @_;
    my $process = process_in("$trial/ifup");
    while (is_process($process)) {
        my ($pid) = split ' ', $process;
        kill 'KILL', -$pid, $pid;
        select undef, undef, undef, 0.01;
    }
    return;
}

# The link is gone then, or we say so: $done->($is_gone, $output). By the given file or by that of /etc, whatever ifupdown remembers.
sub take_down {
    my ($trial, $state, $file, $done) = @_;
    my $interface = base_name($trial);
    my $then = sub {
        my (undef, $said) = @_;
        return $done->(1, $said) if !exists_link($interface);
        return $done->(0, $said) if !-e "$trial/$state";
        start([qw(ip link del dev), $interface], sub { $done->(!exists_link($interface), $_[1]) });
    };
    return take_down_with_ifupdown2($trial, $state, $file // "$INTERFACES_D/$interface", $then) if $has_ifupdown2;
    # ifdown would signal the process group of a number that is another's by now. (field-notes 1.4)
    my $pid_file = "/run/network/ifup-$interface.pid";
    unlink $pid_file if -e $pid_file && read_line('/proc/' . (read_line($pid_file) || 0) . '/comm') !~ /^ifup/;
    # --force: after a failed ifup the state is cleared and plain ifdown would do nothing.
    run_for($trial, $state, [qw(ifdown --force), defined $file ? ('-i', $file) : (), $interface], $then);
    return;
}

# $done->($is_up, $output, $status)
sub bring_up {
    my ($trial, $state, $file, $done) = @_;
    my $interface = base_name($trial);
    my $then = sub {
        my ($status, $said) = @_;
        $done->($status == 0 && exists_link($interface), $said, $status);
    };
    return bring_up_with_ifupdown2($trial, $state, $file // "$INTERFACES_D/$interface", 5, $then) if $has_ifupdown2;
    run_for($trial, $state, ['ifup', defined $file ? ('-i', $file) : (), $interface], $then);
    return;
}

# Would ifupdown take the candidate? $done->(why not, or empty). What ifquery finds, ifup -n finds too. (field-notes 1.6)
sub find_invalid {
    my ($interface, $trial, $done) = @_;
    return find_invalid_for_ifupdown2($interface, $trial, $done) if $has_ifupdown2;
    start(
        ['ifup', '-n', '-i', "$trial/new", '--state-dir', "$trial/empty", $interface],
        sub {
            my ($status, $said) = @_;
            $done->($status != 0 || $said =~ /^ifup:/m ? "ifup -n: $said" : '');
        }
    );
    return;
}

# It reads the one file, never /etc/network/interfaces: a mistake in any other stanza would make its status 1. -u: the file given, and not what
# it remembers, which a killed ifup has not written.
sub take_down_with_ifupdown2 {
    my ($trial, $state, $file, $then) = @_;
    my $interface = base_name($trial);
    return $then->(0, '') if !-e $file;
    my $down = sub { run_ifupdown2($trial, $state, ['ifdown', '-u', '-i', $file, $interface], $then) };
    return $down->() if exists_link($interface);
    # Of a link that is gone it runs no down line, and rules and routes would stay. A link of its name, never up, with a VNI that nobody has.
    my $vni = 0xff0000 + hex substr $interface, length 'vxlan';
    start([qw(ip link add), $interface, qw(type vxlan id), $vni, qw(dstport 65535)], $down);
    return;
}

# Of a line that fails it only warns, and goes on with the next. A line that it does not know is passed over, and makes its status 1: of an old
# file, made for ifupdown, that is how it was up before; a candidate with such a line is not valid.
sub bring_up_with_ifupdown2 {
    my ($trial, $state, $file, $tries, $then) = @_;
    my $interface = base_name($trial);
    run_ifupdown2(
        $trial, $state,
        ['ifup', '-i', $file, $interface],
        sub {
            my ($status, $said) = @_;
            my @errors = grep { /^error:/ } split /\n/, $said;
            $status = 0 if $status == 1 && @errors == 1 && $errors[0] =~ /^error: [^\n]+: invalid syntax '[^\n]+$/;
            $status = 1 if $said =~ /: (?:pre-up|up|post-up) cmd '.*' failed: /;
            # Of a link that a line of the file makes it may not have heard in time: it then sets none of the stanza's own addresses, without a
            # word. Our files have none; those of somebody else, or made for ifupdown, do.
            my $has_address = (read_file($file) // '') =~ /^\s*address\s+[0-9a-fA-F]*:/m;
            return $then->($status, $said) if $tries == 1 || !$has_address || !exists_link($interface);
            start(
                [qw(ip -6 -o addr show dev), $interface, qw(scope global)],
                sub {
                    return $then->($status, $said) if $_[1] ne '';
                    bring_up_with_ifupdown2($trial, $state, $file, $tries - 1, $then);
                }
            );
        }
    );
    return;
}

# It has one lock for the whole host and gives up at once (status 89) when somebody else has it, as an administrator's ifreload. Our own wait
# for each other, on the directory's lock, for a minute.
sub run_ifupdown2 {
    my ($trial, $state, $command, $done) = @_;
    open my $lock, '<', $TRIALS or return $done->(126, "$TRIALS: $!");
    my ($tries, $ends) = (0, now() + $UP_SECONDS);
    my $run;
    $run = sub {
        return after(0.05, $run) if !flock($lock, $LOCK_EX | $LOCK_NB) && $tries++ < 1200;
        run_for(
            $trial, $state, $command,
            sub {
                my ($status, $said) = @_;
                return after(0.2, $run) if $status == 89 && now() < $ends;
                close $lock;
                $done->($status, $said);
            }
        );
    };
    $run->();
    return;
}

# Would it take the candidate, and take it with -i? It has no lock for this, which `ifup -s` would take, and no status for what it says.
sub find_invalid_for_ifupdown2 {
    my ($interface, $trial, $done) = @_;
    my $path = '/etc/network/ifupdown2/ifupdown2.conf';
    my $settings = read_file($path) // '';
    return $done->("disable_cli_interfacesfile=1 in $path: ifup would not run a trial from /run")
        if $settings =~ /^\s*disable_cli_interfacesfile\s*[=:]\s*1/m;
    return $done->("use_daemon=yes in $path: vxfleet was not tried with the daemon") if $settings =~ /use_daemon=yes/;
    start(
        ['ifquery', '-i', "$trial/new", $interface],
        sub {
            my ($status, $said) = @_;
            my $errors = join "\n", grep { /^error:/ } split /\n/, $said;
            $errors = $said if $errors eq '' && $status != 0;
            $done->($errors eq '' ? '' : "ifquery: $errors");
        }
    );
    return;
}

1;
