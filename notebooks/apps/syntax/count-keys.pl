# How many keys the ssh agent at SSH_AUTH_SOCK holds: what `ssh-add -l` asks it (RFC draft-miller-ssh-agent, section 4.4).
use strict;
use IO::Socket::UNIX;

my $agent = IO::Socket::UNIX->new($ENV{SSH_AUTH_SOCK}) or die "no ssh agent: $!\n";
print $agent pack("N C", 1, 11);
$agent->flush;
read($agent, my $answer, 9) == 9 or die "the agent gave no answer\n";
my ($length, $type, $count) = unpack("N C N", $answer);
print "$count\n";
