import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { lockFolder } from '../base/folder-lock.ts';
import { systemTimers } from '../base/system-timers.ts';
import type { ClientConfig } from '../client/config.ts';
import { openLocal } from '../client/open-local.ts';
import { readTrustAnchor } from '../client/releases/trust-anchor.ts';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { Parent, type ParentParts } from './parent.ts';

const log = pino({ level: 'silent' });

it.each([
  [
    'agent.trustAnchor',
    (dataDirectory: string, trustAnchor: string) =>
      openLocal({ dataDirectory, agent: { trustAnchor } } as ClientConfig, log, Date.now()),
  ],
  [
    'trustAnchor',
    (dataDirectory: string, trustAnchor: string) => {
      const config = { dataDirectory, trustAnchor, dataKey: { kind: 'file', path: join(dataDirectory, 'key') } };
      return Parent.open({ config, log, timers: systemTimers } as unknown as ParentParts);
    },
  ],
])('%s that cannot be read is said with its file, and nothing is held', async (setting, open) => {
  const dataDirectory = tempDir();
  const missing = join(dataDirectory, 'root.json');
  expect(await open(dataDirectory, missing)).toEqual({
    ok: false,
    fault: { code: 'ANCHOR_UNREADABLE', message: `${setting}: ${missing} cannot be read (ENOENT)` },
  });
  const again = lockFolder(dataDirectory);
  expect(again.ok).toBe(true);
  if (again.ok) again.value.release();
  writeFileSync(missing, '{}');
  expect(await readTrustAnchor(setting, missing)).toEqual({ ok: true, value: Buffer.from('{}') });
});
