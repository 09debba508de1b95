# The bare cost of a program: starts a command again and again and times each from fork to end.
# floor.pl RUNS WORKERS COMMAND...   prints one line of milliseconds a run, then "total SECONDS".
use strict;
use warnings;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($runs, $workers, @command) = @ARGV;
open(STDERR, '>', '/dev/null') or die;
open(my $report, '>&', \*STDOUT) or die;
$report->autoflush(1);
open(STDOUT, '>', '/dev/null') or die;

sub now { return clock_gettime(CLOCK_MONOTONIC) }

sub work {
    my ($count) = @_;
    my $lines = '';
    for (1 .. $count) {
        my $started = now();
        my $pid = fork() // die;
        if (!$pid) { exec { $command[0] } @command or die }
        waitpid($pid, 0);
        die "failed with $?" if $?;
        $lines .= sprintf("%.3f\n", (now() - $started) * 1000);
    }
    print $report $lines;
}

my $started = now();
my @pids;
for (1 .. $workers) {
    my $pid = fork() // die;
    if (!$pid) { work($runs); exit 0 }
    push @pids, $pid;
}
for my $pid (@pids) { waitpid($pid, 0); exit 1 if $? }
printf $report "total %.6f\n", now() - $started;
