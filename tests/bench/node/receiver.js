// Takes each mail and acknowledges it; the ack of a round's last one is reported.
const citizen = require('supe');
const report = require('./report');

citizen.hook.add('citizen-mail', 'receiver', (envelope, take) => {
  const ack = take();
  ack();
  if (envelope.msg[0] === '!') report();
});
process.on('disconnect', () => process.exit());
citizen.mail.receive();
