// Says whatever mail it gets; `{"to": NAME, "say": ANY}` it passes on, and what comes from a sibling it confirms to us.
const supe = require('supe');

supe.hook.add('citizen-mail', 'talk', function (envelope, handle) {
  const ack = handle(), msg = envelope.msg;
  console.log(supe.get_name() + ' got ' + JSON.stringify(msg) + ' from ' + envelope.from);
  if (msg && msg.to) supe.mail.send({ to: msg.to }, msg.say);
  if (envelope.from !== 'supe') supe.mail.send({ heard: msg, of: envelope.from });
  ack();
});
supe.mail.receive();
