import { execFileSync } from 'node:child_process';
import { cp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { type Evidence, EvidenceChain, openEvidence, verifyChain } from './chain.ts';
import { decodeRecord, recordDigest } from './signed-record.ts';

const dataKey = Buffer.alloc(32, 7);
const hostile = '\u001b[2J"; rm -rf /\n{{ .Values }}\u202e';

function evidence(number: number): Evidence {
  return {
    atMs: 1_000 + number,
    kind: 'quarantine',
    cluster: 'eu-1',
    subject: { namespace: 'shop', pod: `web-${number}`, uid: `uid-${number}` },
    alerts: [`a-${number}`],
    content: { pod: { metadata: { name: `web-${number}`, labels: { app: hostile } } }, number },
  };
}

async function chainOf(count: number): Promise<string> {
  const folder = join(tempDir(), 'evidence');
  const chain = await EvidenceChain.open(folder, dataKey);
  for (let number = 1; number <= count; number += 1) await chain.append(evidence(number));
  return folder;
}

describe('EvidenceChain', () => {
  it('keeps what was said, sealed, in order, and goes on behind it after a restart', async () => {
    const folder = await chainOf(2);
    const again = await EvidenceChain.open(folder, dataKey);
    const digest = await again.append(evidence(3));
    const { records, problems } = await verifyChain(folder, { publicKey: again.publicKey, anchors: [digest] });
    expect(problems).toEqual([]);
    expect(records.map(({ head }) => head.sequence)).toEqual([1, 2, 3]);
    expect(records[2]?.head.previous).toBe(recordDigest((records[1] as (typeof records)[0]).head));
    expect(records.map((record) => unwrap(openEvidence(record, dataKey)))).toEqual(
      [1, 2, 3].map((number) => evidence(number).content),
    );
    const [first] = records;
    expect(openEvidence(first as (typeof records)[0], Buffer.alloc(32, 8)).ok).toBe(false);
    expect((await readFile(join(folder, '00000001.evidence'))).includes('metadata')).toBe(false);
  });

  it('finds nothing wrong with a chain that grows while it is read', async () => {
    const folder = await chainOf(2);
    const first = join(folder, '00000001.evidence');
    const bytes = await readFile(first);
    // Read to its end only when somebody has written to it: the reader stands still there, with two records on its list.
    await rm(first);
    execFileSync('mkfifo', [first]);
    const verifying = verifyChain(folder);
    const gate = await open(first, 'w');
    await writeFile(join(folder, 'whole'), bytes);
    await rename(join(folder, 'whole'), first);
    const agent = await EvidenceChain.open(folder, dataKey);
    for (const number of [3, 4]) await agent.append(evidence(number));
    await gate.writeFile(bytes);
    await gate.close();
    const { records, problems } = await verifying;
    expect(problems).toEqual([]);
    expect(records.map(({ head }) => head.sequence)).toEqual([1, 2, 3, 4]);
  });

  it('finds every byte that was changed', async () => {
    const folder = await chainOf(2);
    const file = join(folder, '00000001.evidence');
    const bytes = await readFile(file);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ (1 << (at % 8));
      expect(decodeRecord(changed).ok, `byte ${at}`).toBe(false);
    }
    const changed = Buffer.from(bytes);
    changed[bytes.length - 3] = (changed[bytes.length - 3] as number) ^ 1;
    await writeFile(file, changed);
    expect((await verifyChain(folder)).problems).toMatchObject([{ file: '00000001.evidence' }, {}]);
    await writeFile(file, bytes);
    const end = join(folder, 'head.json');
    const endBytes = await readFile(end);
    for (let at = 0; at < endBytes.length; at += 7) {
      const changed = Buffer.from(endBytes);
      changed[at] = (changed[at] as number) ^ 1;
      await writeFile(end, changed);
      expect((await verifyChain(folder)).problems.length, `head, byte ${at}`).toBeGreaterThan(0);
    }
  }, 120_000);

  it('finds a text that nobody could have signed, and says so', async () => {
    const folder = await chainOf(1);
    const text = await readFile(join(folder, '00000001.evidence'), 'utf8');
    for (const name of ['cluster', 'namespace', 'pod', 'uid']) {
      const changed = text.replace(new RegExp(`"${name}":"`), '$&\\ud800');
      expect(changed).not.toBe(text);
      const fault = { code: 'EVIDENCE_INVALID', message: expect.stringContaining(`${name}: not as it was written`) };
      expect(decodeRecord(Buffer.from(changed))).toMatchObject({ ok: false, fault });
    }
  });

  it('finds a record that was left out, wherever it stood, and one that was put in', async () => {
    const folder = await chainOf(4);
    expect((await verifyChain(folder)).problems).toEqual([]);
    for (const name of (await readdir(folder)).filter((one) => one.endsWith('.evidence') || one === 'head.json')) {
      const copy = join(tempDir(), 'copy');
      await cp(folder, copy, { recursive: true });
      await rm(join(copy, name));
      expect((await verifyChain(copy)).problems.length, name).toBeGreaterThan(0);
    }
    const other = await chainOf(5);
    await cp(join(other, '00000005.evidence'), join(folder, '00000005.evidence'));
    const { problems } = await verifyChain(folder);
    expect(problems.map(({ message }) => message)).toContain('another key signed it');
  });

  it('finds what is named elsewhere and was taken off the end together with the head', async () => {
    const folder = await chainOf(2);
    const end = await readFile(join(folder, 'head.json'));
    const chain = await EvidenceChain.open(folder, dataKey);
    const digest = await chain.append(evidence(3));
    await rm(join(folder, '00000003.evidence'));
    await writeFile(join(folder, 'head.json'), end);
    expect((await verifyChain(folder)).problems).toEqual([]); // Nothing here can know of it.
    const { problems } = await verifyChain(folder, { anchors: [digest] });
    expect(problems).toMatchObject([{ message: expect.stringContaining('is named there and is not here') }]);
  });

  it('is whole after a crash between a record and the head, and goes on', async () => {
    const folder = await chainOf(2);
    const end = await readFile(join(folder, 'head.json'));
    const chain = await EvidenceChain.open(folder, dataKey);
    await chain.append(evidence(3));
    await writeFile(join(folder, 'head.json'), end); // As if it had died in between.
    expect((await verifyChain(folder)).problems).toEqual([]);
    await (await EvidenceChain.open(folder, dataKey)).append(evidence(4));
    const { records, problems } = await verifyChain(folder);
    expect([records.length, problems]).toEqual([4, []]);
  });
});
