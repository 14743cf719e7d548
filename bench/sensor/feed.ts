/**
 * A Tetragon that streams recorded traces over a Unix socket: `node feed.ts SOCKET CALLS_A_SECOND [RING_CALLS [ATTACK_EVERY_MS]]`, 0 for
 * as fast as they are taken. Prints "ready", then one JSON line a second: events, bytes and whole laps of the ring that were taken so far; and a line for each
 * attack that was written, with its process and when. In a process of its own, so that its work is not counted as the sensor's.
 */
import { createServer, type ServerHttp2Stream } from 'node:http2';
import { attackFrames, enterLap, recordedRing } from './event-ring.ts';

const [socket = '', rateText = '0', ringText = '100000', attackText = '0'] = process.argv.slice(2);
const rate = Number(rateText);
const attackEveryMs = Number(attackText);
const ring = await recordedRing(Number(ringText));
const perTurn = 64 << 10;
const told = { events: 0, bytes: 0, laps: 0 };

const server = createServer();
server.on('stream', (stream) => {
  stream.setMaxListeners(0);
  stream.on('error', () => undefined);
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
  void (rate === 0 ? flood(stream) : pace(stream));
  if (attackEveryMs > 0) attack(stream);
});
server.listen(socket, () => process.stdout.write('ready\n'));
setInterval(() => process.stdout.write(`${JSON.stringify(told)}\n`), 1_000);
process.once('SIGTERM', () => process.exit(0));

async function flood(stream: ServerHttp2Stream): Promise<void> {
  for (let lap = 0; !stream.destroyed; lap++) {
    told.laps = lap;
    enterLap(ring, lap);
    for (let from = 0; from < ring.ends.length && !stream.destroyed; ) {
      from = await send(stream, from, Number.POSITIVE_INFINITY);
    }
  }
}

/** So many events every few milliseconds. */
async function pace(stream: ServerHttp2Stream): Promise<void> {
  const startedMs = performance.now();
  const before = told.events;
  let lap = 0;
  enterLap(ring, lap);
  for (let from = 0; !stream.destroyed; ) {
    const due = Math.floor(((performance.now() - startedMs) * rate) / 1_000) - (told.events - before);
    if (due > 0) from = await send(stream, from, due);
    if (from >= ring.ends.length) {
      lap += 1;
      told.laps = lap;
      enterLap(ring, lap);
      from = 0;
    }
    if (due < 100) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** One process at a time that does what no other does; begins when thresholds have had time to settle. */
function attack(stream: ServerHttp2Stream): void {
  let pid = 900_000;
  const timer = setInterval(() => {
    if (stream.destroyed) return clearInterval(timer);
    // Before its threshold is there, an attack would only raise it.
    if (told.events < 3 * ring.calls) return undefined;
    pid += 1;
    stream.write(attackFrames(ring.commonest, pid));
    process.stdout.write(`${JSON.stringify({ attack: pid, atMs: Date.now() })}\n`);
    return undefined;
  }, attackEveryMs);
}

/** Writes frames from this one on; returns the next. The bytes are copied: the next lap changes them. */
async function send(stream: ServerHttp2Stream, from: number, eventsMax: number): Promise<number> {
  const start = from === 0 ? 0 : (ring.ends[from - 1] as number);
  let to = from;
  while (to < ring.ends.length && to - from < eventsMax && (ring.ends[to] as number) - start < perTurn) to += 1;
  to = Math.max(to, from + 1);
  const end = ring.ends[to - 1] as number;
  if (!stream.write(Buffer.from(ring.bytes.subarray(start, end)))) {
    await new Promise<void>((resolve) => {
      const go = () => {
        stream.off('drain', go);
        stream.off('close', go);
        resolve();
      };
      stream.once('drain', go);
      stream.once('close', go);
    });
  }
  told.events += to - from;
  told.bytes += end - start;
  return to;
}
