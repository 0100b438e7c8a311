// Keeps a mail in flight until notice `done` comes, and acknowledges it then.
const supe = require('supe');
let ack;

supe.hook.add('citizen-mail', 'keep', function (envelope, handle) {
  ack = handle();
  console.log('began ' + envelope.msg);
});
supe.noticeboard.watch('done', 'acknowledge', () => ack());
supe.mail.receive();
