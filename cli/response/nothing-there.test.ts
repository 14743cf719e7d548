import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { runTestudo } from '../testing/command-line.ts';

it('evidence of a folder that is not there is refused, and not called whole', async () => {
  const nowhere = join(tempDir(), 'nowhere');
  for (const verb of ['verify', 'list']) {
    expect(await runTestudo('evidence', verb, '--data-dir', nowhere)).toEqual({
      code: 1,
      out: '',
      error: `EVIDENCE_MISSING: ${nowhere} is not there; give the data directory of a response agent, or a copy of it\n`,
    });
  }
});

it("an order is refused where no agent's folder is, and not said to lie with one", async () => {
  const empty = tempDir();
  const nowhere = join(empty, 'nowhere');
  const uid = '0b6f2c1e-5d1b-4c0e-9a44-1f7f6f0d2a11';
  for (const folder of [nowhere, empty])
    for (const order of [['lift', uid], ['resume']]) {
      const { code, out, error } = await runTestudo('quarantine', ...order, '-d', folder, '-r', 'a false alarm');
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(error).toMatch(/^EVIDENCE_MISSING: /);
    }
  expect([existsSync(nowhere), readdirSync(empty)]).toEqual([false, []]);
});

it('posture of a file without a pod is refused, and not called good', async () => {
  const file = join(tempDir(), 'pods.json');
  writeFileSync(file, '{"items":[]}');
  const { code, out, error } = await runTestudo('posture', file);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(error).toMatch(/^INPUT_UNREADABLE: .*holds no pod/);
});
