// The peer of the relay's intake: `intake.js PORT BROKER_PORT` answers a POST with 200 when RabbitMQ has confirmed that the
// webhook is in a durable queue, as a persistent message.
const http = require('http');
const amqp = require('amqplib');

const [port, brokerPort] = process.argv.slice(2);
const queue = 'webhooks';

function webhookOf(request, body) {
  return Buffer.from(JSON.stringify({ target: request.url, headers: request.rawHeaders, body: body.toString() }));
}

async function main() {
  const broker = await amqp.connect(`amqp://127.0.0.1:${brokerPort}`);
  const channel = await broker.createConfirmChannel();
  await channel.assertQueue(queue, { durable: true });
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const webhook = webhookOf(request, Buffer.concat(parts));
      channel.sendToQueue(queue, webhook, { persistent: true }, (refused) => {
        response.statusCode = refused ? 503 : 200;
        response.end('kept\n');
      });
    });
  });
  server.listen(Number(port), '127.0.0.1');
}

main();
