import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { readCredentials, replaceCredentials } from './operator-credentials.ts';

const pem = (kind: string) => `-----BEGIN ${kind}-----\nAAAA\n-----END ${kind}-----\n`;
const own = {
  ...{ federation: 'herd', name: 'ada', role: 'admin', address: 'one.example:7442', authority: pem('CERTIFICATE') },
  ...{ certificateChain: pem('CERTIFICATE'), key: pem('PRIVATE KEY') },
};

it('passes over what a newer build wrote into credentials, and keeps it when they are renewed', async () => {
  const path = join(tempDir(), 'operator.json');
  // An address of another kind, say, as enrolAddress once was.
  await writeFile(path, JSON.stringify({ ...own, dashboardAddress: 'one.example:7444' }));
  const read = unwrap(await readCredentials(path));
  expect(read).toMatchObject(own);
  await replaceCredentials(path, { ...read, address: 'two.example:7442' });
  const kept = { ...own, address: 'two.example:7442', dashboardAddress: 'one.example:7444' };
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(kept);
});

it('names what credentials lack', async () => {
  const path = join(tempDir(), 'operator.json');
  await writeFile(path, JSON.stringify({ ...own, role: 'king', key: undefined }));
  const message = expect.stringContaining("not an operator's credentials (role, key)");
  expect(await readCredentials(path)).toMatchObject({ fault: { code: 'CREDENTIALS_INVALID', message } });
});
