// Crashes with the mail `poison`, before it acknowledges it.
const supe = require('supe');

supe.hook.add('citizen-mail', 'die', function (envelope, handle) {
  const ack = handle();
  console.log('took ' + envelope.msg);
  if (envelope.msg === 'poison') throw new Error('poisoned');
  ack();
});
supe.mail.receive();
