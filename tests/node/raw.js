// Uses process.send itself when notice `go` comes, as any Node script may: plain values, and a socket sent along.
const net = require('net'), supe = require('supe');
const server = net.createServer().listen(0, '127.0.0.1');

supe.noticeboard.once('go', 'speak', function () {
  process.send({ hello: 'world' });
  process.send('text');
  process.send([1, null]);
  process.send('a socket', server);
  process.send('said it all');
}, { useCache: true });
