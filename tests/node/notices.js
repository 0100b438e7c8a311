// Does with the noticeboard what each mail says: `["watch", NOTICE, OPTS]`, `["once", …]`, `["ignore", NOTICE]`, `["notify", NOTICE, MESSAGE]`,
// `["crash"]`. Says each notice that it hears.
const supe = require('supe'), board = supe.noticeboard;
const hear = (notice) => (msg) => console.log('heard ' + notice + ': ' + JSON.stringify(msg.notice));
const actions = {
  watch: (notice, opts) => board.watch(notice, 'me', hear(notice), opts),
  once: (notice, opts) => board.once(notice, 'me', hear(notice), opts),
  ignore: (notice) => board.ignore(notice, 'me'),
  notify: (notice, message) => board.notify(notice, message, 'test'),
  crash: () => setImmediate(() => process.exit(7)),
};

supe.hook.add('citizen-mail', 'act', function (envelope, handle) {
  const ack = handle(), [action, ...args] = envelope.msg;
  actions[action](...args);
  ack();
});
supe.mail.receive();
console.log('up');
