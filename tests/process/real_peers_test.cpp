// Shows the relay between senders and destinations that others wrote: Python's and Node's own HTTP.
#include "tests/support/files.hpp"
#include "tests/support/needs.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <csignal>
#include <sstream>

using namespace std::chrono_literals;

namespace {

// Each destination prints `port N`, and `got PATH HASH` for each request.
const char* const python_destination = R"(
import hashlib, http.server, os, sys
class handler(http.server.BaseHTTPRequestHandler):
    protocol_version = sys.argv[1]
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        line = 'got %s %s\n' % (self.path, hashlib.sha256(body).hexdigest())
        os.write(1, line.encode())  # whole, whatever other threads write
        self.send_response(200)
        self.send_header('Content-Length', '3')
        self.end_headers()
        self.wfile.write(b'ok\n')
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
print('port', server.server_port, flush=True)
server.serve_forever()
)";

const char* const node_destination = R"(
const server = require('http').createServer((request, response) => {
  const hash = require('crypto').createHash('sha256')
  request.on('data', part => hash.update(part)).on('end', () => {
    console.log('got', request.url, hash.digest('hex'))
    response.end('ok')
  })
})
server.keepAliveTimeout = Number(process.argv[2])
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port))
)";

// Each sender keeps its connection, sends bodies of many sizes with a length and in chunks, and
// prints `sent PATH HASH STATUS`.
const char* const python_sender = R"(
import hashlib, http.client, os, sys
relay = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))
for i in range(24):
    body = os.urandom(i * i * 700)
    path = '/python/%d?a=b%%20c' % i
    relay.request('POST', path, iter([body[:9], body[9:]]) if i % 2 else body)
    answer = relay.getresponse()
    answer.read()
    print('sent', path, hashlib.sha256(body).hexdigest(), answer.status, flush=True)
)";

const char* const node_sender = R"(
const http = require('http'), crypto = require('crypto')
const agent = new http.Agent({keepAlive: true, maxSockets: 2})
for (let i = 0; i < 24; ++i) {
  const body = crypto.randomBytes(i * i * 700), path = `/node/${i}?a=b%20c`
  const hash = crypto.createHash('sha256').update(body).digest('hex')
  const headers = i % 2 ? {} : {'Content-Length': body.length}
  const request = http.request({agent, method: 'POST', port: process.argv[2], path, headers},
    answer => { answer.resume(); console.log('sent', path, hash, answer.statusCode) })
  request.write(body)
  request.end()
}
)";

/// The lines of a program that begin with this word, without it, in order of the alphabet.
std::vector<std::string> lines(const std::string& output, const std::string& word) {
    std::vector<std::string> found;
    std::istringstream in(output);
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(word + " ")) found.push_back(line.substr(word.size() + 1));
    std::ranges::sort(found);
    return found;
}

/// All that both senders send reaches the destination, once and as it was.
void expect_passes(const std::vector<std::string>& destination, const char* script) {
    support::event_loop loop;
    const support::temporary_directory d;
    std::vector<std::string> command{destination[0],
                                     support::write_file(d / "destination", script)};
    command.insert(command.end(), destination.begin() + 1, destination.end());
    support::program app(loop, command);
    BOOST_REQUIRE(app.prints("port "));
    BOOST_REQUIRE(loop.until([&] { return !lines(app.output(), "port").empty(); }, 20s));
    const std::string to = "http://127.0.0.1:" + lines(app.output(), "port")[0];
    const unsigned short port = support::free_port();
    support::running_relay relay(loop, d / "state", to, 3, port);
    BOOST_REQUIRE(relay.is_up());
    std::string sent;
    for (const auto& [program, text] :
         {std::pair{"python3", python_sender}, {"node", node_sender}}) {
        const auto file = support::write_file(d / program, text);
        sent += support::run(loop, {program, file, std::to_string(port)}).output;
    }
    std::vector<std::string> expected = lines(sent, "sent");
    BOOST_TEST(expected.size() == 48u, sent);
    for (std::string& line : expected) {
        BOOST_TEST(line.ends_with(" 200"), line);
        line.resize(line.rfind(' '));
    }
    BOOST_TEST(
        loop.until([&] { return lines(app.output(), "got").size() >= expected.size(); }, 60s));
    BOOST_TEST(lines(app.output(), "got") == expected, boost::test_tools::per_element());
    relay.stop();
    app.signal(SIGKILL);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(real_peers, *support::needs({"python3", "node"}))

// Python's server as it is (HTTP/1.0, a connection for each request), and with connections kept.
BOOST_AUTO_TEST_CASE(python_as_destination) {
    expect_passes({"python3", "HTTP/1.0"}, python_destination);
    expect_passes({"python3", "HTTP/1.1"}, python_destination);
}

// Node's server, which ends a connection that was idle for its time: a moment here, so that it does
// so as we send.
BOOST_AUTO_TEST_CASE(node_as_destination) {
    expect_passes({"node", "5000"}, node_destination);
    expect_passes({"node", "1"}, node_destination);
}

BOOST_AUTO_TEST_SUITE_END()
