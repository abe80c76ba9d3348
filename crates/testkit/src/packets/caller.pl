# Does calls of sockets: a line for each on standard input, one for its answer on
# standard output. An answer is "ok" with values, or "error" with a number.
use strict;
my ($sendmsg, $recvmsg) = map { $_ + 0 } @ARGV;
my %sockets;
$| = 1;
$SIG{PIPE} = 'IGNORE';

sub bytes { my ($text) = @_; return $text eq '-' ? '' : pack('H*', $text) }
sub hex_of { my ($bytes) = @_; return length $bytes ? unpack('H*', $bytes) : '-' }
sub pointed { my ($bytes) = @_; return length $bytes ? $bytes : undef }

sub sent {
    my ($socket, $flags, $name, $control, $data) = @_;
    # What is pointed to has to outlive the call.
    my @kept = map { pointed($_) } $name, $control, $data;
    my $vector = pack('P Q', $kept[2], length $data);
    my $message = pack('P L x4 P Q P Q i x4',
        $kept[0], length $name, $vector, 1, $kept[1], length $control, 0);
    return syscall($sendmsg, fileno($socket), $message, $flags + 0);
}

sub received {
    my ($socket, $flags) = @_;
    my ($name, $control, $data) = ("\0" x 128, "\0" x 1024, "\0" x 70000);
    substr($_, 0, 1) = "\1" for $name, $control, $data;
    my $vector = pack('P Q', $data, length $data);
    my $message = pack('P L x4 P Q P Q i x4', $name, 128, $vector, 1, $control, 1024, 0);
    my $len = syscall($recvmsg, fileno($socket), $message, $flags + 0);
    return () if $len < 0;
    my (undef, $name_len, undef, undef, undef, $control_len) = unpack('Q L x4 Q Q Q Q', $message);
    return map { hex_of($_) }
        substr($name, 0, $name_len), substr($control, 0, $control_len), substr($data, 0, $len);
}

while (my $line = <STDIN>) {
    my ($call, $number, @rest) = split ' ', $line;
    my $socket = $sockets{$number};
    my @values;
    $! = 0;
    if ($call eq 'open') {
        undef $socket;
        @values = (1) if socket($socket, $rest[0], $rest[1], $rest[2]);
        $sockets{$number} = $socket if @values;
    } elsif ($call eq 'index') {
        my $request = pack('a16 x24', $rest[0]);
        @values = (unpack('x16 i', $request)) if ioctl($socket, 0x8933, $request);
    } elsif ($call eq 'set') {
        @values = (1) if setsockopt($socket, $rest[0], $rest[1], bytes($rest[2]));
    } elsif ($call eq 'get') {
        my $value = getsockopt($socket, $rest[0], $rest[1]);
        @values = (hex_of($value)) if defined $value;
    } elsif ($call eq 'bind') {
        @values = (1) if bind($socket, bytes($rest[0]));
    } elsif ($call eq 'connect') {
        @values = (1) if connect($socket, bytes($rest[0]));
    } elsif ($call eq 'send') {
        my $len = sent($socket, $rest[0], map { bytes($_) } @rest[1 .. 3]);
        @values = ($len) if $len >= 0;
    } elsif ($call eq 'receive') {
        @values = received($socket, $rest[0]);
    } elsif ($call eq 'name' || $call eq 'peer') {
        my $name = $call eq 'name' ? getsockname($socket) : getpeername($socket);
        @values = (hex_of($name)) if defined $name;
    } elsif ($call eq 'close') {
        delete $sockets{$number};
        @values = (1) if close($socket);
    }
    print @values ? "ok @values\n" : 'error ' . ($! + 0) . "\n";
}
