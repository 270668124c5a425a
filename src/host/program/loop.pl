# The event loop: what arrives, what is to be sent, timers, and programs that run.
use strict;
use warnings;

my %readers;    # by file number: [handle, what to do when there is something to read]
my %writers;    # by file number: [handle, bytes that are still to be written, close it then?]
my @timers;    # [seconds of now(), what to do], in no order
my %children;    # by process id: what start() knows of a program that runs

# Linux: asm-generic/errno.h, sys/wait.h, fcntl.h, the same on every architecture of Debian's but MIPS.
my ($EAGAIN, $EINTR, $WNOHANG, $F_SETFL, $O_NONBLOCK) = (11, 4, 1, 4, oct '4000');

# clock_gettime(2), for which Perl needs a module that is not on every host: its number by the machine in an ELF header (elf.h; asm/unistd.h).
my %CLOCK_GETTIME = (3 => 265, 21 => 246, 22 => 260, 40 => 263, 62 => 228, 183 => 113, 243 => 113);
my $clock_gettime = $CLOCK_GETTIME{ elf_machine() };
my $CLOCK_BOOTTIME = 7;

sub elf_machine {
    open my $perl, '<', '/proc/self/exe' or return 0;
    read $perl, my $header, 20;
    return unpack 'x18 S', $header;
}

# Seconds since the kernel started, which nobody can set; where it cannot be asked in hundredths (proc_uptime(5)).
sub now {
    my $time = pack 'l!2', 0, 0;
    if ($clock_gettime && syscall($clock_gettime, $CLOCK_BOOTTIME, $time) == 0) {
        my ($seconds, $nanoseconds) = unpack 'l!2', $time;
        return $seconds + $nanoseconds / 1e9;
    }
    open my $file, '<', '/proc/uptime' or die "/proc/uptime: $!\n";
    return (split ' ', readline $file)[0];
}

sub after {
    my ($seconds, $then) = @_;
    push @timers, [now() + $seconds, $then];
    return;
}

sub when_readable {
    my ($handle, $then) = @_;
    $readers{ fileno $handle } = [$handle, $then];
    return;
}

sub forget {
    my ($handle) = @_;
    delete $readers{ fileno $handle };
    return;
}

# Queues bytes, in their order. Whoever does not take them holds up nobody else.
sub send_bytes {
    my ($handle, $bytes, $closes) = @_;
    my $writer = $writers{ fileno $handle } //= [$handle, '', 0];
    $writer->[1] .= $bytes;
    $writer->[2] = $closes;
    return;
}

sub do_not_block {
    my ($handle) = @_;
    return fcntl $handle, $F_SETFL, $O_NONBLOCK;
}

# Has the call that failed found nothing to do yet?
sub would_block { return $! == $EAGAIN || $! == $EINTR }

sub is_sending { return scalar %writers }

# What a fork has of its parent's business is not its own.
sub forget_everything {
    (%readers, %writers, %children) = ();
    @timers = ();
    return;
}

# Starts a program in a process group of its own, with its output and its errors in one text. $done is called with its status and that text
# when it has ended. Of what it has started, and is still there, nothing is waited for. The options:
#   input    its stdin; none by default
#   seconds  after these it is killed with its group, and its status is 124; none by default
#   before   is called in the new process; if that returns false no program is started, and the status is 125
sub start {
    my ($command, $done, %option) = @_;
    my ($output, $said, $stdin, $feed);
    my $pid = pipe($output, $said) && (!defined $option{input} || pipe $stdin, $feed) ? fork : undef;
    if (!defined $pid) {
        my $why = "cannot start $command->[0]: $!";
        return after(0, sub { $done->(126, $why) });
    }
    if ($pid == 0) {
        setpgrp 0, 0;
        local @SIG{qw(HUP PIPE TERM INT CHLD)} = ('DEFAULT') x 5;
        open STDIN, '<&', $stdin // open_null() or exit 126;
        open STDOUT, '>&', $said or exit 126;
        open STDERR, '>&', $said or exit 126;
        exit 125 if $option{before} && !$option{before}->();
        exec { $command->[0] } @$command or print STDERR "$command->[0]: $!\n";
        exit 127;
    }
    close $said;
    my $child = $children{$pid} = { done => $done, output => $output, text => '' };
    ($child->{ends}, $child->{seconds}) = (now() + $option{seconds}, $option{seconds}) if $option{seconds};
    do_not_block($output);
    when_readable($output, sub { take_output($child) });
    if ($feed) {
        close $stdin;
        do_not_block($feed);
        send_bytes($feed, $option{input}, 1);
    }
    return;
}

sub open_null {
    open my $null, '<', '/dev/null' or exit 126;
    return $null;
}

sub take_output {
    my ($child) = @_;
    my $got;
    1 while $got = sysread $child->{output}, $child->{text}, 65_536, length $child->{text};
    forget($child->{output}) if defined $got;
    return;
}

sub collect_children {
    while ((my $pid = waitpid -1, $WNOHANG) > 0) {
        my $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
        my $child = delete $children{$pid} or next;
        take_output($child);
        forget($child->{output});
        close $child->{output};
        # What the dynamic linker says of a library that is to be in every process, and is not there.
        $child->{text} =~ s/^ERROR: ld\.so: .*\n?//gm;
        $child->{text} =~ s/\n+\z//;
        ($status, $child->{text}) = (124, "no end after $child->{seconds} s: killed\n$child->{text}") if $child->{is_killed};
        $child->{done}->($status, $child->{text});
    }
    for my $pid (keys %children) {
        my $child = $children{$pid};
        next if !$child->{ends} || $child->{is_killed} || now() < $child->{ends};
        $child->{is_killed} = kill 'KILL', -$pid, $pid;
    }
    return;
}

# Waits until something is to be done, and does it.
sub turn {
    my $timeout = 60;
    for my $timer (@timers) {
        my $left = $timer->[0] - now();
        $timeout = $left < 0 ? 0 : $left if $left < $timeout;
    }
    # SIGCHLD ends the wait, unless it comes just before.
    $timeout = 0.05 if %children && $timeout > 0.05;
    my ($can_read, $can_write) = ('', '');
    vec($can_read, $_, 1) = 1 for keys %readers;
    vec($can_write, $_, 1) = 1 for keys %writers;
    if (select($can_read, $can_write, undef, $timeout) > 0) {
        for my $number (keys %writers) { write_some($number) if vec $can_write, $number, 1 }
        for my $number (keys %readers) { ($readers{$number} // next)->[1]->() if vec $can_read, $number, 1 }
    }
    collect_children();
    my $now = now();
    my @due = grep { $_->[0] <= $now } @timers;
    @timers = grep { $_->[0] > $now } @timers;
    $_->[1]->() for @due;
    return;
}

sub write_some {
    my ($number) = @_;
    my $writer = $writers{$number};
    my $bytes = syswrite $writer->[0], $writer->[1];
    return if !defined $bytes && would_block();
    # Nobody reads it any more, or all of it is written.
    substr $writer->[1], 0, $bytes // length $writer->[1], '';
    return if $writer->[1] ne '';
    close $writer->[0] if $writer->[2];
    delete $writers{$number};
    return;
}

1;
