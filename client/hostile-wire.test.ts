import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BesiegedClient } from '../lab/testing/besieged-client.ts';
import { framed, type HostileCall, type HostileCoordinator } from '../lab/testing/hostile-coordinator.ts';

/**
 * As in hostile-coordinator.test.ts, below the contract: what a stolen coordinator can do with frames, headers and
 * connections, to the stream of rounds and to the release agent's alike.
 */
let besieged: BesiegedClient;

beforeAll(async () => {
  besieged = await BesiegedClient.start();
});

afterAll(() => besieged.close());

/** A mebibyte is not sent: what it claims to be is. */
const bomb = gzipSync(Buffer.alloc(256 * 2 ** 20), { level: 9 });
const manyHeaders = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`x-${at}`, 'y'.repeat(1_000)]));

const answers: readonly [string, RegExp, (call: HostileCall) => void][] = [
  ['bytes that are no message', /^GRPC_/, (call) => call.raw(framed(Buffer.alloc(64, 0xff)))],
  ['a message cut short by its own length', /^GRPC_/, (call) => call.raw(framed(Buffer.from([0x0a, 0x7f, 1])))],
  ['a prefix that claims 4 GiB', /^GRPC_/, (call) => call.raw(framed(Buffer.alloc(9), { claims: 2 ** 32 - 1 }))],
  [
    'a compression bomb of 256 MiB',
    /^GRPC_/,
    (call) => {
      call.head({ 'grpc-encoding': 'gzip' });
      call.raw(framed(bomb, { compressed: true }));
    },
  ],
  [
    'a compression that nobody knows',
    /^GRPC_/,
    (call) => {
      call.head({ 'grpc-encoding': 'zpaq' });
      call.raw(framed(Buffer.alloc(9), { compressed: true }));
    },
  ],
  ['200 kB of headers', /^GRPC_/, (call) => call.head(manyHeaders)],
  ['200 kB of trailers', /^GRPC_/, (call) => call.end({ 'grpc-status': '0', ...manyHeaders })],
  ['a status that does not exist', /^GRPC_/, (call) => call.end({ 'grpc-status': '999' })],
  ['no status at all', /^GRPC_|^\w+_ENDED$/, (call) => call.end({})],
  [
    'a code of ours that is none, with a terminal escape',
    /^GRPC_/,
    (call) => call.end({ 'grpc-status': '7', 'testudo-fault-code': '[2Jowned', 'grpc-message': '%1b%5b2J' }),
  ],
  ['a reset at once', /^GRPC_/, (call) => call.stream.close(2)],
  [
    'a reset after half a message',
    /^GRPC_/,
    (call) => {
      call.raw(framed(Buffer.alloc(3), { claims: 1_000 }));
      call.stream.close(2);
    },
  ],
  ['a connection that ends at once', /^GRPC_/, (call) => call.stream.session?.destroy()],
  ['a goodbye at once', /^GRPC_/, (call) => call.stream.session?.goaway(11)],
  // Last: an agent takes it for a coordinator without releases, and asks again minutes later.
  [
    'a web page',
    /^GRPC_/,
    (call) => {
      call.head({ ':status': 404, 'content-type': 'text/html' });
      call.raw(Buffer.from('<html>gone</html>'));
      call.end();
    },
  ],
];

/** The first call of a method is answered so; later ones are silent. */
function once(hostile: HostileCoordinator, method: string, answer: (call: HostileCall) => void): void {
  hostile.handlers[method] = (call) => {
    hostile.handlers[method] = () => undefined;
    answer(call);
    // A goodbye alone leaves open what was asked before it.
    if (!call.stream.destroyed && !call.stream.writableEnded && call.stream.session?.closed) call.stream.close(2);
  };
}

describe('on the stream of rounds', () => {
  it.each(answers)('%s', async (_, code, answer) => {
    await besieged.besiege(async (hostile, seen) => {
      once(hostile, 'Watch', answer);
      await hostile.called('Watch');
      // What ended before was the honest coordinator's.
      const earlier = seen.reports('disconnected');
      const before = process.memoryUsage().rss;
      const { fault } = await seen.report('disconnected', (report) => !earlier.includes(report));
      expect(fault.code).toMatch(code);
      expect(fault.message).toMatch(/^[\x20-\x7e]*$/);
      expect(process.memoryUsage().rss - before).toBeLessThan(128 * 2 ** 20);
    });
  });

  it('resets of every call, a hundred times over', async () => {
    await besieged.besiege(async (hostile) => {
      const reset = (call: HostileCall) => call.stream.close(8);
      for (const method of ['Watch', 'Subscribe', 'FetchModel', 'UploadStatus']) hostile.handlers[method] = reset;
      await hostile.called('Watch', 100);
      hostile.handlers.Watch = () => undefined;
    });
  });
});

describe('on the stream of releases', () => {
  it.each(answers)('%s', async (_, code, answer) => {
    await besieged.besiege(async (hostile, seen) => {
      once(hostile, 'Subscribe', answer);
      await hostile.called('Subscribe');
      const earlier = seen.events('unsubscribed');
      const { fault } = await seen.event('unsubscribed', (event) => !earlier.includes(event));
      expect(fault.code).toMatch(code);
      expect(fault.message).toMatch(/^[\x20-\x7e]*$/);
      expect(besieged.client.agent?.isAnchored).toBe(true);
    });
  });
});
