<?php
// Follows a log with PHP's streams: php fopen.php URL ENVIRONMENT [LAST_ID]

[, $url, $env] = $argv;
$headers = ['Authorization: Bearer ' . getenv('CLIENT_SECRET'), 'Content-Type: application/json'];
if (isset($argv[3])) {
    $headers[] = "Last-Event-ID: $argv[3]";
}
$context = stream_context_create(['http' => [
    'method' => 'POST',
    'header' => $headers,
    'content' => json_encode(['tool' => 'platformos.logs.stream', 'input' => ['env' => $env, 'interval' => 250]]),
]]);
$stream = fopen("$url/call-stream", 'r', false, $context) ?: exit(1);
$event = '';
while (($line = fgets($stream)) !== false) {
    [$field, $value] = explode(': ', rtrim($line, "\n"), 2) + ['', ''];
    if ($field === 'event') {
        $event = $value;
    } elseif ($field === 'data' && $event === 'data') {
        $entry = json_decode(json_decode($value)->text);
        echo "$entry->id $entry->message\n";
    }
}
