// Writes a bench::birth (tests/bench/birth.hpp) to the pipe BENCH_FIFO: the time, by the clock that all processes share, and the pid.
const fs = require('fs');

const fifo = fs.openSync(process.env.BENCH_FIFO, 'w');

module.exports = () => {
  const birth = Buffer.alloc(16);
  birth.writeBigInt64LE(process.hrtime.bigint(), 0);
  birth.writeInt32LE(process.pid, 8);
  fs.writeSync(fifo, birth);
};
