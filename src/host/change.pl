# The part of vxfleet's hand on a host (host.pl) that changes something. It is sent before the first command of these; CHANGE is the id of one
# change of one tunnel, of which a run may make several on an interface:
#   prepare IF CHANGE OLD NEW OTHERS DIGEST [still]
#                           take the candidate and prove that a trial can begin and end: validated, room in /run, guard there, and the
#                           candidate and its record (of that SHA-256) beside their places in /etc and /var, on the disk.
#                           Payload: OLD bytes that /etc must have now, NEW bytes of the candidate, OTHERS bytes of lines for
#                           `ip -6 -batch` that add again what is not the tunnel's, the record's body; `-` stands for no file. Nothing that
#                           runs is touched. "still": the two differ in nothing that runs, and the trial bounces nothing
#   trial IF CHANGE         run the prepared candidate instead of what runs now; /etc stays as it is
#   extend IF CHANGE        start the trial's window anew
#   promise IF CHANGE ROLE MARKER NEW OLD
#                           from now on go back only on the controller's word, or when the peer is found on the old end
#   confirm IF CHANGE ROLE MARKER NEW OLD
#                           make the candidate the file of /etc, then show the marker
#                           ROLE is this end's part in the decision: `decides` (shows the address MARKER once it is confirmed), `incompatible`
#                           or `compatible` (promises, and may have to ask the peer at MARKER, at NEW or OLD; the second if old and new can
#                           talk to each other), or `alone`. `-` stands for no address
#   revert IF CHANGE        end the trial: candidate down, what ran before up again; of a trial only prepared, forget it
#   settle IF CHANGE        wait until the trial has ended, finding out what the peer did if need be, and say how
#   note IF DIGEST          payload: a record's body, kept as a generation of its own: the other end has changed, this one has not
#   takeover IF             end the trial of a run that is gone
#   sweep                   nothing more: what killed runs have left beside their trials is removed when this part of the program comes
#
# A trial lives in /run/vxfleet/IF; its state is the name of one file there. Whoever renames that file first decides. Two processes may be at
# work on it, this program and its guard: so after each wait the state is looked at again, and what runs for a trial is ended by whoever has
# moved it on.
use strict;
use warnings;

our (%RUN, %VERBS, $GUARD_OF, $LOCK, $on_life, $on_end);

# An ifup that hangs must leave half of the window for the way back.
our $UP_SECONDS = $RUN{window} < 2 ? 1 : $RUN{window} < 60 ? $RUN{window} / 2 : 30;

require './program/moves.pl';
require './program/ifupdown.pl';
require './program/keep.pl';
require './program/prepare.pl';
require './program/trial.pl';
require './program/doubt.pl';
require './program/guard.pl';

my %CHANGES = (
    prepare => \&prepare,
    trial => \&trial,
    extend => \&extend,
    promise => \&promise,
    confirm => \&confirm,
    revert => \&revert,
    settle => \&settled_as,
    note => \&note,
    takeover => \&takeover,
    sweep => \&finish,
);
my @jobs;

for my $verb ($RUN{writes} eq 'yes' ? keys %CHANGES : ()) {
    $VERBS{$verb} = sub {
        my ($job, @words) = @_;
        # Nobody waits at the end for one that waits itself.
        @jobs = (grep({ !$_->{is_done} } @jobs), $verb eq 'settle' ? () : $job);
        $CHANGES{$verb}->($job, @words);
    };
}

# A guard that was killed is replaced: its trials must not be without one.
$on_life = sub {
    stand_guard(sub { }) if $LOCK;
};

# Takes back every trial that nobody has confirmed. A second session of the same run began no trial and ends none.
sub end_changes {
    my $open = 0;
    while ($LOCK) {
        for my $trial (our_trials()) {
            # In doubt a trial is the guard's.
            next if move($trial, 'promised', 'doubt');
            $open += settle($trial, 'session', [qw(prepared armed)], sub { $open-- });
        }
        @jobs = grep { !$_->{is_done} } @jobs;
        last if !@jobs && $open == 0 && !grep { -e "$_/prepared" || -e "$_/armed" } our_trials();
        turn();
    }
    if ($LOCK && our_trials()) {
        my $is_there;
        stand_guard(sub { $is_there = 1 });
        turn() while !$is_there;
    }
    # Also what a killed program of this run has left.
    dismiss_guard() if $LOCK || !is_session_open($RUN{id});
    return;
}

$on_end = \&end_changes;

if (defined $GUARD_OF) { guard($GUARD_OF) }
else { sweep() }

1;
