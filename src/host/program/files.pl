# Files and directories, read and written whole.
use strict;
use warnings;

# Undefined when there is no such file.
sub read_file {
    my ($path) = @_;
    open my $file, '<', $path or return;
    local $/ = undef;
    return readline($file) // '';
}

# What stands in front of the line's end.
sub read_line {
    my ($path) = @_;
    my ($line) = split /\n/, read_file($path) // '';
    return $line // '';
}

# True when all of it was taken.
sub write_file {
    my ($path, $text) = @_;
    open my $file, '>', $path or return 0;
    my $is_written = print {$file} $text;
    return close($file) && $is_written;
}

# In place: on a full file system the longer text must not become an empty one.
sub overwrite {
    my ($path, $text) = @_;
    open my $file, (-e $path ? '+<' : '>'), $path or return 0;
    my $is_written = print {$file} $text;
    return close($file) && $is_written;
}

# Names in a directory, sorted; those with a dot in front too.
sub entries {
    my ($directory) = @_;
    opendir my $handle, $directory or return;
    return sort grep { $_ ne '.' && $_ ne '..' } readdir $handle;
}

sub paths {
    my ($directory, $pattern) = @_;
    return map { "$directory/$_" } grep { /$pattern/ } entries($directory);
}

# A file, or a directory with all that is in it. True when nothing is left.
sub remove {
    my ($path) = @_;
    return unlink $path if -l $path || !-d $path;
    for my $tries (1 .. 3) {
        remove("$path/$_") for entries($path);
        return 1 if rmdir $path;
    }
    return 0;
}

sub base_name {
    my ($path) = @_;
    return substr $path, 1 + rindex $path, '/';
}

# Where the shell would find it.
sub which {
    my ($name) = @_;
    for my $directory (split /:/, $ENV{PATH}) {
        return "$directory/$name" if -f "$directory/$name" && -x _;
    }
    return;
}

sub is_same_file {
    my (@files) = @_;
    my ($one, $other) = map { join '.', (stat)[0, 1] } @files;
    return $one ne '' && $one eq $other;
}

1;
