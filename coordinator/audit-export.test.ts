import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { exportAudit, verifyExport } from './audit-export.ts';
import { openSmallFederation, operator, track } from './testing/small-federation.ts';
import { tempDir } from './testing/temp-dir.ts';

it('an export is checked without the coordinator: whole, from a position on, and against heads that were noted', async () => {
  const dataDir = tempDir();
  const engine = await openSmallFederation(dataDir);
  const [early, late, tail] = ['early', 'late', 'tail'].map((name) => join(dataDir, `${name}.jsonl`)) as [
    string,
    string,
    string,
  ];
  try {
    const noted = unwrap(await exportAudit(dataDir, early, 1));
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    const head = unwrap(await exportAudit(dataDir, late, 1));
    expect(head.seq).toBeGreaterThan(noted.seq);
    expect(await verifyExport(late, [noted])).toEqual({ ok: true, value: { first: 1, last: head, entries: head.seq } });
    expect(unwrap(await exportAudit(dataDir, tail, noted.seq + 1))).toEqual(head);
    const rest = { first: noted.seq + 1, last: head, entries: head.seq - noted.seq };
    expect(await verifyExport(tail)).toEqual({ ok: true, value: rest });
    expect(await verifyExport(tail, [noted])).toMatchObject({ fault: { code: 'ENTRY_NOT_FOUND' } });
    const other = { seq: noted.seq, chain: 'f'.repeat(64) };
    expect(await verifyExport(late, [other])).toMatchObject({ fault: { code: 'HEAD_DIFFERS' } });
    expect(await exportAudit(dataDir, tail, head.seq + 2)).toMatchObject({ fault: { code: 'ENTRY_NOT_FOUND' } });

    const lines = readFileSync(late, 'utf8').trimEnd().split('\n');
    const changed = lines.with(2, (lines[2] as string).replace('"atMs\\":1', '"atMs\\":2'));
    expect(changed).not.toEqual(lines);
    const verdictOf = async (some: readonly string[]) => {
      writeFileSync(tail, `${some.join('\n')}\n`);
      const verified = await verifyExport(tail);
      return verified.ok ? 'sound' : verified.fault.message;
    };
    expect(await verdictOf(lines)).toBe('sound');
    expect(await verdictOf(changed)).toContain('the hash chain breaks at entry 2');
    expect(await verdictOf(lines.toSpliced(3, 1))).toContain('entry 3 is missing');
    expect(await verdictOf(lines.slice(1))).toContain('its first line is not that of an export');
  } finally {
    await engine.close();
  }
});
