/**
 * TCP relays in front of single hosts, which count what passes and may delay it.
 *
 * `node bench/relay.mjs RELAYS`: RELAYS is JSON, `[{ "listen", "host", "port", "delayMs" }]`, with the delay of one way. Says `ready`, then
 * answers each line on stdin with a JSON line: the counts of every relay since the last question. Ends with its stdin.
 *
 * A round trip is a turn: bytes to the host, followed by bytes from it. TCP's own handshake is one more.
 */
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const relays = JSON.parse(process.argv[2]).map((relay) => ({ ...relay, counts: zero() }));

function zero() {
  return { connections: 0, roundTrips: 0, toHostBytes: 0, fromHostBytes: 0 };
}

function serve(relay) {
  return new Promise((resolve) => {
    const accept = (client) => {
      client.setNoDelay(true);
      relay.counts.connections += 1;
      relay.counts.roundTrips += 1;
      if (relay.delayMs === 0) relayNow(relay, client);
      else relayLate(relay, client);
    };
    createServer({ allowHalfOpen: true }, accept).listen(relay.listen, '127.0.0.1', resolve);
  });
}

function relayNow(relay, client) {
  const host = connect({ host: relay.host, port: relay.port, noDelay: true, allowHalfOpen: true });
  const count = turnCounter(relay);
  pass(client, host, (chunk, write) => {
    count.toHost(chunk);
    write();
  });
  pass(host, client, (chunk, write) => {
    count.fromHost(chunk);
    write();
  });
}

/** The handshake of a real line this long is over for the client after two ways, for the host after three; here the client's is over at once. */
function relayLate(relay, client) {
  const { delayMs } = relay;
  const begun = performance.now();
  const count = turnCounter(relay);
  client.pause();
  setTimeout(() => {
    const host = connect({ host: relay.host, port: relay.port, noDelay: true, allowHalfOpen: true });
    // What the client has sent by now would have been on its way for one delay.
    const isEarly = () => performance.now() - begun < 3 * delayMs + 20;
    pass(client, host, (chunk, write) => {
      count.toHost(chunk);
      setTimeout(() => write(), isEarly() ? 0 : delayMs);
    });
    pass(host, client, (chunk, write) => {
      setTimeout(() => {
        count.fromHost(chunk);
        write();
      }, delayMs);
    });
    client.resume();
  }, 3 * delayMs);
}

/** Hands each chunk, and the end, to `when`, in order; both sides end together. */
function pass(from, to, when) {
  from.on('data', (chunk) => when(chunk, () => to.writable && to.write(chunk)));
  from.on('end', () => when(Buffer.alloc(0), () => to.end()));
  from.on('error', () => to.destroy());
  from.on('close', () => when(Buffer.alloc(0), () => to.end()));
}

function turnCounter(relay) {
  let waits = false;
  return {
    toHost: (chunk) => {
      relay.counts.toHostBytes += chunk.length;
      if (chunk.length > 0) waits = true;
    },
    fromHost: (chunk) => {
      relay.counts.fromHostBytes += chunk.length;
      if (waits && chunk.length > 0) relay.counts.roundTrips += 1;
      if (chunk.length > 0) waits = false;
    },
  };
}

await Promise.all(relays.map(serve));
process.stdout.write('ready\n');
const questions = createInterface({ input: process.stdin });
questions.on('line', () => {
  process.stdout.write(`${JSON.stringify(relays.map(({ counts }) => counts))}\n`);
  for (const relay of relays) relay.counts = zero();
});
questions.on('close', () => process.exit(0));
