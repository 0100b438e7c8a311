// npm's supe as the peer of the mail benchmark: a supervisor with a sender and a receiver, as its README has it.
const path = require('path');
const supervisor = require('supe')();

// The receiver first: the sender's first words start the benchmark.
supervisor.start('receiver', path.join(__dirname, 'receiver.js'));
supervisor.start('sender', path.join(__dirname, 'sender.js'));
