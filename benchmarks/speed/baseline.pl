# The bare cost of a program: starts a command again and again and times each from fork to end.
# baseline.pl RUNS WORKERS COMMAND...   prints one line of milliseconds a run, then "total SECONDS".
use strict;
use warnings;
use POSIX qw(getcwd uname);

my ($runs, $workers, @command) = @ARGV;
open(STDERR, '>', '/dev/null') or die;
open(my $report, '>&', \*STDOUT) or die;
$report->autoflush(1);
open(STDOUT, '>', '/dev/null') or die;

# perl-base, which is all that a Debian base has, comes without Time::HiRes.
my $clock_gettime = (uname())[4] eq 'x86_64' ? 228 : 113;
my $monotonic = 1;

sub now {
    my $time = pack('q2', 0, 0);
    syscall($clock_gettime, $monotonic, $time) == 0 or die;
    my ($seconds, $nanoseconds) = unpack('q2', $time);
    return $seconds + $nanoseconds / 1e9;
}

sub work {
    my ($count) = @_;
    my $lines = '';
    for (1 .. $count) {
        forget();
        my $started = now();
        my $pid = fork() // die;
        if (!$pid) { exec { $command[0] } @command or die }
        waitpid($pid, 0);
        die "failed with $?" if $?;
        $lines .= sprintf("%.3f\n", (now() - $started) * 1000);
    }
    print $report $lines;
}

# A folder for each worker, so that compilers do not write over each other's programs.
sub settle {
    my ($folder) = @_;
    mkdir($folder) or die;
    link($ENV{FILE}, "$folder/$ENV{FILE}") or die;
    chdir($folder) or die;
    my $here = getcwd();
    s{^/tmp/}{$here/} for values %ENV;
}

# A run of Runlet finds no program and no cache of the one before; nor does one here.
sub forget {
    system('rm', '-rf', grep { $_ ne $ENV{FILE} } glob('*'));
}

my $started = now();
my @pids;
for (1 .. $workers) {
    my $pid = fork() // die;
    if (!$pid) { settle("worker-$_"); work($runs); exit 0 }
    push @pids, $pid;
}
for my $pid (@pids) { waitpid($pid, 0); exit 1 if $? }
printf $report "total %.6f\n", now() - $started;
