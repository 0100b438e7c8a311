// npm's supe as the peer of the mail benchmark: a supervisor with a sender and a receiver, as in its README.
const path = require('path');
const supervisor = require('supe')();

// The receiver first, because the sender's first report starts the benchmark.
supervisor.start('receiver', path.join(__dirname, 'receiver.js'));
supervisor.start('sender', path.join(__dirname, 'sender.js'));
