import { describe, expect, it } from 'vitest';
import { pieceCallsMax } from '../../../events/trace.ts';
import { decodeExample, encodeExample } from './example.ts';

/** As a sensor that was taken over can send it: only its head says how long the name is. */
function forged(name: Buffer, calls: number): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(name.length, 0);
  return Buffer.concat([head, name, Buffer.alloc(2 * calls, 1)]);
}

describe('decodeExample', () => {
  it('reads the longest example that may be written', () => {
    const example = { workload: 'w'.repeat(512), calls: new Uint16Array(pieceCallsMax).fill(257) };
    expect(decodeExample(encodeExample(example))).toEqual({ ok: true, value: example });
  });

  // A hub writes what it was sent into its buffer again, which throws for these.
  it.each([
    ['more calls than a piece has', forged(Buffer.from('nginx'), pieceCallsMax + 1)],
    ['a longer name', forged(Buffer.alloc(513, 'w'), 1)],
    ['a name that becomes longer as text', forged(Buffer.alloc(400, 0xff), 1)],
  ])('refuses %s', (_, bytes) => {
    expect(decodeExample(bytes)).toMatchObject({ ok: false, fault: { code: 'EXAMPLE_MALFORMED' } });
  });
});
