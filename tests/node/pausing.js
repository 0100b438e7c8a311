// Takes no mail between the mail `pause` and notice `go on`.
const supe = require('supe');

supe.hook.add('citizen-mail', 'take', function (envelope, handle) {
  const ack = handle();
  if (envelope.msg === 'pause') supe.mail.pause();
  console.log('took ' + envelope.msg);
  ack();
});
supe.noticeboard.watch('go on', 'receive', () => supe.mail.receive());
supe.mail.receive();
