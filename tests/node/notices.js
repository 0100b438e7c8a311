// Uses the noticeboard as each mail says: `["watch", NOTICE, OPTS]`, `["once", …]`, `["ignore", NOTICE]`, `["notify", NOTICE, MESSAGE]`,
// `["crash"]`. Prints each notice that it gets.
const supe = require('supe'), board = supe.noticeboard;
const print = (notice) => (msg) => console.log('got ' + notice + ': ' + JSON.stringify(msg.notice));
const actions = {
  watch: (notice, opts) => board.watch(notice, 'me', print(notice), opts),
  once: (notice, opts) => board.once(notice, 'me', print(notice), opts),
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
