import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ecdsa, MadeLayout, pemOf } from '../../client/posture/testing/made-layout.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { runTestudo } from '../testing/command-line.ts';

it('posture finds which images nobody has signed, and calls none signed that it could not look up', async () => {
  const folder = tempDir();
  const layout = new MadeLayout(join(folder, 'layout'));
  const keys = ecdsa();
  const [signed, unsigned] = ['signed', 'unsigned'].map((name) => layout.image(name).digest) as [string, string];
  layout.cosign(signed, keys);
  layout.write();
  const key = join(folder, 'cosign.pub');
  writeFileSync(key, pemOf(keys.publicKey));
  const elsewhere = `sha256:${'0'.repeat(64)}`;
  const containers = Object.entries({ signed, unsigned, elsewhere }).map(([name, digest]) => ({
    ...{ name, image: `web@${digest}` },
  }));
  const pod = { kind: 'Pod', metadata: { name: 'web-1', namespace: 'shop' }, spec: { containers } };
  const file = join(folder, 'pods.json');
  writeFileSync(file, JSON.stringify({ items: [pod] }));
  const { code, out } = await runTestudo('posture', file, '--image-key', key, '--images', layout.folder, '--json');
  const found = out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  expect(code).toBe(0);
  expect(found.filter(({ code }) => code.startsWith('IMAGE_')).map(({ code, detail }) => [code, detail])).toEqual([
    ['IMAGE_UNSIGNED', `unsigned: web@${unsigned}`],
    ['IMAGE_UNKNOWN', `elsewhere: web@${elsewhere}`],
  ]);
  const without = await runTestudo('posture', file, '--json');
  expect(without.out).not.toContain('IMAGE_');
  const half = await runTestudo('posture', file, '--image-key', key);
  expect([half.code, half.error]).toEqual([2, expect.stringMatching(/^USAGE: give both/)]);
});

it('posture says nothing of a namespace of which it was given no pod', async () => {
  const file = join(tempDir(), 'pods.json');
  const pod = { kind: 'Pod', metadata: { name: 'web-1', namespace: 'shop' }, spec: { containers: [] } };
  writeFileSync(file, JSON.stringify({ items: [pod] }));
  expect(await runTestudo('posture', file, '-n', 'shpo')).toEqual({
    code: 1,
    out: '',
    error: expect.stringMatching(/^INPUT_UNREADABLE: .* no pod of namespace shpo/),
  });
});
