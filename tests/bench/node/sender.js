// Reports its pid, and at each SIGUSR2 sends $BENCH_MAILS mails of 256 bytes of JSON at once. The last mail of a round has
// another first character, as in bench_mail_child.
const citizen = require('supe');
const report = require('./report');

const ordinary = 'm' + 'x'.repeat(253);
const last = '!' + 'x'.repeat(253);

process.on('SIGUSR2', () => {
  report();
  for (let i = 1; i < Number(process.env.BENCH_MAILS); i += 1) citizen.mail.send({ to: 'receiver' }, ordinary);
  citizen.mail.send({ to: 'receiver' }, last);
});
process.on('disconnect', () => process.exit());
report();
