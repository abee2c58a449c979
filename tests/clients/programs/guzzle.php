<?php
// Follows a log with Guzzle, as Debian packs it: php guzzle.php URL ENVIRONMENT [LAST_ID]
require 'GuzzleHttp/autoload.php';

[, $url, $env] = $argv;
$headers = ['Authorization' => 'Bearer ' . getenv('CLIENT_SECRET')];
if (isset($argv[3])) {
    $headers['Last-Event-ID'] = $argv[3];
}
$body = (new GuzzleHttp\Client())->post("$url/call-stream", [
    'headers' => $headers,
    'json' => ['tool' => 'platformos.logs.stream', 'input' => ['env' => $env, 'interval' => 250]],
    'stream' => true,
])->getBody();
$rest = '';
while (!$body->eof()) {
    $rest .= $body->read(65536);
    $frames = explode("\n\n", $rest);
    $rest = array_pop($frames);
    foreach ($frames as $frame) {
        if (preg_match('/^event: data\ndata: (.*)$/m', $frame, $found)) {
            $entry = json_decode(json_decode($found[1])->text);
            echo "$entry->id $entry->message\n";
        }
    }
}
