import { expect, it } from 'vitest';
import { EndpointReading } from './endpoint-watch.ts';

const line = (type: string, name: string, ready: readonly boolean[] | null) =>
  `${JSON.stringify({
    type,
    object: {
      metadata: { name },
      endpoints: ready?.map((one) => ({ addresses: ['10.0.0.1'], conditions: { ready: one } })) ?? null,
    },
  })}\n`;

it('counts every state without a ready endpoint, over all slices, however the text is cut', () => {
  const text = [
    line('ADDED', 'a', null), // Not yet begun.
    line('MODIFIED', 'a', [true]),
    line('MODIFIED', 'a', [false]), // A gap.
    line('ADDED', 'b', [true]),
    line('DELETED', 'b', [true]), // Another.
    line('MODIFIED', 'a', [false, true]),
  ].join('');
  for (const size of [1, 7, text.length]) {
    const reading = new EndpointReading();
    for (let at = 0; at < text.length; at += size) reading.read(text.slice(at, at + size));
    expect(reading.counts()).toEqual({ changes: 5, gaps: 2 });
  }
});
