// Asked to shut down, it first finishes what it has to do; the hook is all that it uses the channel for.
const supe = require('supe');

supe.hook.add('shutdown', 'finish', function (delay) {
  const finished = delay();
  console.log('closing');
  setTimeout(function () {
    console.log('closed');
    finished();
  }, 300);
});
console.log('up');
