// Prints each mail; passes on `say` of `{"to": NAME, "say": ANY}`, and reports mail of a sibling to its supervisor.
const supe = require('supe');

supe.hook.add('citizen-mail', 'talk', function (envelope, handle) {
  const ack = handle(), msg = envelope.msg;
  console.log(supe.get_name() + ' got ' + JSON.stringify(msg) + ' from ' + envelope.from);
  if (msg && msg.to) supe.mail.send({ to: msg.to }, msg.say);
  if (envelope.from !== 'supe') supe.mail.send({ got: msg, of: envelope.from });
  ack();
});
supe.mail.receive();
