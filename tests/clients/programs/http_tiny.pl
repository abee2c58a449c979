# Follows a log with HTTP::Tiny, which comes with Perl: perl http_tiny.pl URL ENVIRONMENT [LAST_ID]
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;

$| = 1;
binmode STDOUT, ':encoding(UTF-8)';
my ($url, $env, $last_id) = @ARGV;
my %headers = (Authorization => "Bearer $ENV{CLIENT_SECRET}", 'Content-Type' => 'application/json');
$headers{'Last-Event-ID'} = $last_id if defined $last_id;
my $rest = '';
my $response = HTTP::Tiny->new->post("$url/call-stream", {
    headers => \%headers,
    content => encode_json({ tool => 'platformos.logs.stream', input => { env => $env, interval => 250 } }),
    data_callback => sub {
        $rest .= $_[0];
        while ($rest =~ s/\A(.*?)\n\n//s) {
            my ($data) = $1 =~ /^event: data\ndata: (.*)$/m or next;
            my $entry = JSON::PP->new->decode(decode_json($data)->{text});
            print "$entry->{id} $entry->{message}\n";
        }
    },
});
die "$response->{status} $response->{reason} $response->{content}\n" unless $response->{success};
