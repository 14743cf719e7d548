/**
 * What runs in a pod's network: an echo server, and on the line `ADDRESS MS` one connection that is kept and another every few
 * milliseconds, for so long. Prints one JSON line of what became of them. All times in milliseconds since 1970.
 */
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const port = 8080;
const everyMs = 5;
const answerMsMax = 1_000;
const now = () => performance.timeOrigin + performance.now();

createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket)).listen(port, '0.0.0.0', () =>
  process.stdout.write('{"listens":true}\n'),
);
createInterface({ input: process.stdin }).on('line', (line) => {
  const [address = '', ms = ''] = line.split(' ');
  void probe(address, Number(ms)).then((found) => process.stdout.write(`${JSON.stringify(found)}\n`));
});

/** @param {string} host @param {number} forMs */
async function probe(host, forMs) {
  /** Moments at which a new connection was begun, and whether it came to stand. @type {[number, boolean][]} */
  const tried = [];
  /** Moments at which the kept connection brought an answer. @type {number[]} */
  const answers = [];
  let keptUntil = null;
  const kept = connect({ host, port });
  kept.on('data', () => answers.push(now()));
  kept.on('error', () => {
    keptUntil = now();
  });
  const ask = setInterval(() => kept.write('x'), everyMs);
  const began = now();
  /** @type {Promise<void>[]} */
  const open = [];
  while (now() - began < forMs) {
    const at = now();
    open.push(
      new Promise((resolve) => {
        const socket = connect({ host, port });
        const end = (/** @type {boolean} */ stood) => {
          tried.push([at, stood]);
          socket.destroy();
          resolve();
        };
        socket.setTimeout(answerMsMax, () => end(false));
        socket.on('connect', () => end(true)).on('error', () => end(false));
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  await Promise.all(open);
  clearInterval(ask);
  kept.destroy();
  tried.sort(([a], [b]) => a - b);
  return { tried, lastAnswerAt: answers.at(-1) ?? null, answers: answers.length, keptUntil, endedAt: now() };
}
