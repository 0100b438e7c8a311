// A supervisor of npm's supe as a component of ours. Its own citizen is talker.js.
const supe = require('supe'), supervisor = supe();
const citizen = supervisor.start('talker', __dirname + '/talker.js');

if (supe.supervised) supe.mail.send({ started: citizen.ref.pid });
citizen.mail.send('hello');
