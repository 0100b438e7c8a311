// After SUPE-SHUTDOWN it finishes its work first. The shutdown hook is its only use of the channel.
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
