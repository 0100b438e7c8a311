# A component in Perl, which passes `supe conformance -- perl client.pl`. It needs perl-base alone,
# which every Debian has, and so it takes the JSON apart by the order of members in the supervisor's
# frames: the type is first, and msg is between from and id. With JSON::PP use decode_json().
# handle() is yours; the rest is the wire (contract, sections 2 and 3).
use strict;
use warnings;

open(my $in, '<&=', $ENV{NODE_CHANNEL_FD}) or die "no channel: $!\n";
open(my $out, '>&', $ENV{NODE_CHANNEL_FD}) or die "no channel: $!\n";
select((select($out), $| = 1)[0]);    # each print is sent at once

sub signal {
    my ($name, $data) = @_;
    print {$out} qq({"type":"signal","signal":"$name","data":$data}\n);
}

sub ready { signal('READY-TO-RECEIVE-MAIL', '{"window":8}') }

# Both are JSON text: `from` with its quotes.
sub handle {
    my ($from, $msg) = @_;
    print {$out} qq({"type":"mail","to":$from,"msg":$1}\n) if $msg =~ /^\{"reply":(.*)\}$/;
    signal('NOT-READY-TO-RECEIVE-MAIL', '{}') if $msg =~ /^\{"pause":/;
}

ready();
while (my $frame = <$in>) {
    if ($frame =~ /^\{"type":"mail","from":("[^"]*"),"msg":/) {
        my ($from, $begin) = ($1, $+[0]);
        my $end = rindex($frame, ',"id":"');    # what is before the last one belongs to msg
        my ($id) = substr($frame, $end) =~ /^,"id":("[^"]*")/;
        my $msg = substr($frame, $begin, $end - $begin);
        handle($from, $msg);    # before the ack: until then the mail comes again after a crash
        signal('ACK-CURRENT-MAIL', qq({"ids":[$id]}));
        ready() if $msg =~ /^\{"pause":/;
    } elsif ($frame =~ /"signal":"SUPE-SHUTDOWN"/) {
        last;
    }
}
