// Own process: it judges by memory and prototypes that all that runs here shares.
import { describe, expect, it } from 'vitest';
import { nextOf, pageOf, withTurn } from './long-campaign.ts';
import { type Row, rowsOf, textOfRecord } from './record.ts';
import { refused, type Target } from './target.ts';

const reads = (name: string, read: Target['read']): Target => ({ name, seeds: () => [Buffer.from('seed')], read });
const sound = reads('sound', () => refused('NOT_READ'));
let isMended = false;
const bad = reads('bad', (bytes) => {
  if (bytes.length > 5 && !isMended) throw new TypeError('no good');
  return refused('NOT_READ');
});
const turn = (target: Target, rows: readonly Row[], day: string) =>
  withTurn(target, rows, { costs: { millisecondsMax: 60_000 }, day, inputs: 200 });

describe('a campaign that goes on', () => {
  it('takes the decoder next that was given the least, until each has had what is wanted', async () => {
    let rows: readonly Row[] = [];
    const order: string[] = [];
    for (let next = nextOf([sound, bad], rows, 15_000); next; next = nextOf([sound, bad], rows, 15_000)) {
      order.push(next.name);
      rows = await turn(next, rowsOf(textOfRecord(rows)), '2026-11-30');
    }
    expect(order).toEqual(['sound', 'bad', 'sound', 'bad']);
    expect(rows.map(({ name, turns }) => [name, turns])).toEqual([
      ['sound', 2],
      ['bad', 2],
    ]);
  });

  it('keeps the first input of each kind, by the turn that anybody may run again', async () => {
    const once = await turn(bad, [], '2026-11-30');
    const [twice] = await turn(bad, once, '2026-12-01');
    expect(twice).toMatchObject({ turns: 2, from: '2026-11-30', to: '2026-12-01' });
    expect(twice?.findings).toHaveLength(1);
    const [finding] = twice?.findings ?? [];
    expect(finding).toMatchObject({ seed: 1, day: '2026-11-30', what: expect.stringContaining('TypeError: no good') });
    expect(Buffer.from(finding?.input ?? '', 'base64').length).toBeGreaterThan(5);
    expect(finding?.what).not.toContain(import.meta.dirname);
  });

  it('says on its page what was found, and whether the code that writes it still does so', async () => {
    const rows = await turn(bad, await turn(sound, [], '2026-11-30'), '2026-11-30');
    const before = await pageOf([sound, bad], rows);
    expect(before).toContain('20,000 inputs to 2 decoders, at least\n10,000 and at most 10,000 each');
    expect(before).toMatch(/\| sound \| 10,000 \| [\d,]+ \| 0 \| 0 \| 2026-11-30 \| 2026-11-30 \|/);
    expect(before).toContain('Found: 1. Still there: 1.');
    expect(before).toContain('- bad, seed 1, 2026-11-30, **still there**: threw TypeError: no good');
    isMended = true;
    expect(await pageOf([sound, bad], rows)).toContain('Found: 1. Still there: 0.');
  });
});
