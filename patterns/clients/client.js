// A component in Node, which passes `supe conformance -- node client.js`. Node has the channel
// built in: process.send() and process.on('message'), for processes with NODE_CHANNEL_FD.
// handle() is yours; the rest is the wire (contract, sections 2 and 3).
'use strict';

const signal = (name, data) => process.send({ type: 'signal', signal: name, data });
const ready = () => signal('READY-TO-RECEIVE-MAIL', { window: 8 });
const has = (msg, member) => msg !== null && typeof msg === 'object' && Object.hasOwn(msg, member);

async function handle(mail) {
  if (has(mail.msg, 'reply')) process.send({ type: 'mail', to: mail.from, msg: mail.msg.reply });
  if (has(mail.msg, 'pause')) signal('NOT-READY-TO-RECEIVE-MAIL');
}

async function take(frame) {
  if (frame.type === 'mail') {
    await handle(frame); // before the ack: until then the mail is delivered again after a crash
    signal('ACK-CURRENT-MAIL', { ids: [frame.id] });
    if (has(frame.msg, 'pause')) ready();
  } else if (frame.signal === 'SUPE-SHUTDOWN') {
    process.disconnect(); // nothing is left to wait for: Node ends
  }
}

let work = Promise.resolve(); // one frame after the other: at SUPE-SHUTDOWN all mail in hand is done
process.on('message', (frame) => (work = work.then(() => take(frame))));
ready();
