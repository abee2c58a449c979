# Follows a log with Perl's LWP: perl lwp.pl URL ENVIRONMENT [LAST_ID]
use strict;
use warnings;
use JSON::PP;
use LWP::UserAgent;

$| = 1;
binmode STDOUT, ':encoding(UTF-8)';
my ($url, $env, $last_id) = @ARGV;
my $input = { env => $env, interval => 250 };
$input->{lastId} = $last_id if defined $last_id;
my $rest = '';
my $response = LWP::UserAgent->new->post(
    "$url/call-stream",
    Authorization  => "Bearer $ENV{CLIENT_SECRET}",
    Content_Type   => 'application/json',
    Content        => encode_json({ tool => 'platformos.logs.stream', input => $input }),
    ':content_cb'  => sub {
        $rest .= $_[0];
        while ($rest =~ s/\A(.*?)\n\n//s) {
            my ($data) = $1 =~ /^event: data\ndata: (.*)$/m or next;
            my $entry = JSON::PP->new->decode(decode_json($data)->{text});
            print "$entry->{id} $entry->{message}\n";
        }
    },
);
die $response->status_line, "\n", $response->content, "\n" unless $response->is_success;
