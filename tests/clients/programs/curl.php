<?php
// Follows a log with PHP's curl: php curl.php URL ENVIRONMENT [LAST_ID]

[, $url, $env] = $argv;
$input = ['env' => $env, 'interval' => 250];
if (isset($argv[3])) {
    $input['lastId'] = (int) $argv[3];
}
$rest = '';
$curl = curl_init("$url/call-stream");
curl_setopt_array($curl, [
    CURLOPT_POSTFIELDS => json_encode(['tool' => 'platformos.logs.stream', 'input' => $input]),
    CURLOPT_HTTPHEADER => ['Authorization: Bearer ' . getenv('CLIENT_SECRET'), 'Content-Type: application/json'],
    CURLOPT_FAILONERROR => true,
    CURLOPT_WRITEFUNCTION => function ($curl, string $part) use (&$rest): int {
        $rest .= $part;
        $frames = explode("\n\n", $rest);
        $rest = array_pop($frames);
        foreach ($frames as $frame) {
            if (preg_match('/^event: data\ndata: (.*)$/m', $frame, $found)) {
                $entry = json_decode(json_decode($found[1])->text);
                echo "$entry->id $entry->message\n";
            }
        }
        return strlen($part);
    },
]);
if (!curl_exec($curl)) {
    exit(curl_error($curl) . "\n");
}
