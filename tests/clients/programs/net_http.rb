# Follows a log with Ruby's Net::HTTP: ruby net_http.rb URL ENVIRONMENT [LAST_ID]
require 'json'
require 'net/http'

$stdout.sync = true
url, env, last_id = ARGV
uri = URI("#{url}/call-stream")
request = Net::HTTP::Post.new(uri)
request['Authorization'] = "Bearer #{ENV.fetch('CLIENT_SECRET')}"
request['Content-Type'] = 'application/json'
request['Last-Event-ID'] = last_id if last_id
request.body = JSON.generate(tool: 'platformos.logs.stream', input: { env: env, interval: 250 })

Net::HTTP.start(uri.host, uri.port) do |http|
  http.request(request) do |response|
    abort "#{response.code} #{response.read_body}" unless response.is_a?(Net::HTTPOK)

    rest = String.new # of bytes: a part may end within a character
    response.read_body do |part|
      rest << part
      while (frame = rest.slice!(/\A.*?\n\n/m))
        next unless frame.include?("event: data\n")

        entry = JSON.parse(JSON.parse(frame[/^data: (.*)$/, 1])['text'])
        puts "#{entry['id']} #{entry['message']}"
      end
    end
  end
end
