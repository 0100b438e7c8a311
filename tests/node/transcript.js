// Writes all that npm's supe gets from the noticeboard to the file TRANSCRIPT, which must be the same under any supervisor.
const supe = require('supe'), board = supe.noticeboard;
const log = (line) => require('fs').appendFileSync(process.env.TRANSCRIPT, line + '\n');
const note = (who) => (msg) => log(who + ' got ' + JSON.stringify(msg.notice));
const steps = [];
const step = (text, work) => steps.push([text, work]);

step('watched', () => {
  board.watch('a', 'w', note('a'));
  for (const message of [1, 'x', { y: [2, null] }, [], null, false, 0, '', undefined]) board.notify('a', message);
});
step('a second watcher in the same process', () => board.watch('a', 'w2', note('a2'), { useCache: true }));
step('both', () => board.notify('a', 'both', 'source'));
step('one ignored', () => { board.ignore('a', 'w'); board.notify('a', 'one'); });
step('both ignored', () => { board.ignore('a', 'w2'); board.notify('a', 'none'); });
step('watched again', () => board.watch('a', 'w', note('a'), { useCache: true }));
step('ignored without a watch', () => board.ignore('never', 'w'));
step('once', () => {
  board.once('b', 'w', note('b'));
  for (const message of [1, 2, 3]) board.notify('b', message);
});
step('once from the cache', () => { board.notify('i', 7); board.once('i', 'w', note('i'), { useCache: true }); });
step('which used it up', () => board.notify('i', 8));
step('once, fresh', () => { board.once('b', 'w', note('b')); board.notify('b', 4); });
step('nothing cached', () => board.watch('c', 'w', note('c'), { useCache: true }));
step('then something', () => board.notify('c', 1));
step('the last is cached', () => {
  board.notify('d', 1);
  board.notify('d', 2);
  board.notify('d');
  board.watch('d', 'w', note('d'), { useCache: true });
});
step('falsy from the cache', () => { board.notify('e', false); board.watch('e', 'w', note('e'), { useCache: true }); });
step('no message is not cached', () => { board.notify('f'); board.watch('f', 'w', note('f'), { useCache: true }); });
step('many at once', () => {
  board.notify('g', 1);
  for (let i = 0; i < 10; ++i) board.once('g', 'w' + i, note('g' + i), { useCache: true });
});
step('a once-watch and a lasting one', () => {
  board.once('h', 'w', note('h'));
  board.watch('h', 'w2', note('h2'));
});
step('both get one', () => board.notify('h', 1));
step('and none the next: the pipe was for one', () => board.notify('h', 2));
step('names that are none', () => {
  for (const name of ['', 0, 5, null, {}, ['x']]) {
    board.notify(name, 1);
    board.watch(name, 'w', note('nobody'));
    board.ignore(name, 'w');
  }
  board.notify(undefined, 1);
});

// Answers are written behind notices, since npm's supervisor sends notices a moment after its answers.
let answers = [];
supe.hook.add('supervisor-signal', 'log', function (envelope) {
  const { type, notice, success } = envelope.data;
  if (envelope.signal === 'NOTICEBOARD-RESPONSE' && notice !== 'step') answers.push(JSON.stringify([type, notice, success]));
});

// A step is over when its own notice `step` has come twice: then all notices of the step, and what they caused, have come too.
let turns = 0;
const next = () => {
  answers.forEach(log);
  answers = [];
  if (steps.length === 0) return log('end');
  const [text, work] = steps.shift();
  log('--- ' + text);
  work();
  board.notify('step', 1);
};
board.watch('step', 'next', () => setTimeout(() => (++turns % 2 ? board.notify('step', 2) : next()), 2));
board.notify('step', 1);
