import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { chunksOf, type TestCluster } from '../testing/cluster.ts';
import { TestFederation } from '../testing/federation.ts';
import { MessageReader } from './message-reader.ts';

/** A stream as grpc-js makes it: object mode, one `_read` for one message. */
function source(messages: number) {
  let asked = 0;
  const call = new Readable({
    objectMode: true,
    read() {
      asked += 1;
      this.push(asked <= messages ? asked : null);
    },
  });
  return { call: call as never, asked: () => asked };
}

describe('MessageReader', () => {
  it('holds one message beside the one in hand, and no more are asked for', async () => {
    const { call, asked } = source(100);
    const reader = new MessageReader<number>(call, new AbortController().signal, systemTimers);
    for (let message = 1; message <= 5; message += 1) {
      expect(await reader.next(1000)).toEqual({ kind: 'message', message });
      await new Promise((resolve) => setImmediate(resolve)); // Whatever would read ahead has had its turn.
      expect(asked()).toBeLessThanOrEqual(message + 1);
    }
  });

  it('says when the stream ends, is cut, or is silent', async () => {
    const signal = new AbortController();
    const ended = new MessageReader<number>(source(1).call, signal.signal, systemTimers);
    expect(await ended.next(1000)).toEqual({ kind: 'message', message: 1 });
    expect(await ended.next(1000)).toEqual({ kind: 'end' });
    const silent = new MessageReader<number>(
      new Readable({ objectMode: true, read() {} }) as never,
      signal.signal,
      systemTimers,
    );
    expect(await silent.next(5)).toEqual({ kind: 'tooSlow' });
    const waiting = silent.next(60_000);
    signal.abort();
    expect(await waiting).toEqual({ kind: 'aborted' });
  });
});

describe('a message of more than 1.25 MiB', () => {
  it('costs its own stream and nothing else', async () => {
    const values = 600_000;
    const federation = await TestFederation.start({ values });
    const [a, b] = (await federation.round(['a', 'b', 'c'])) as [TestCluster, TestCluster];
    const { header, sealed } = await a.seal(new Float32Array(values));
    const refused = await a.send([a.signed(header), ...chunksOf(sealed, 0, 2 << 20)]);
    expect(refused).toMatchObject({ ok: false, fault: { code: 'MESSAGE_TOO_LARGE' } }); // RESOURCE_EXHAUSTED, by grpc-js itself.
    unwrap(await b.submit(new Float32Array(values).fill(0.01)));
    unwrap(await a.send([a.signed(header), ...chunksOf(sealed, 0, 1 << 20)]));
  });
});
