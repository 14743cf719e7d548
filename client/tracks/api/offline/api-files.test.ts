import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { unwrap } from '../../../../base/fault.ts';
import { readApiChains } from './api-files.ts';

const sample = (name: string) => fileURLToPath(new URL(`../../../../data/api/${name}`, import.meta.url));

it('readApiChains reads a proxy’s access log as it reads the table of the same lines', async () => {
  const log = unwrap(await readApiChains(sample('sample_access_log.jsonl'), undefined));
  expect(log.read).toMatchObject({ requests: 240, skipped: {} });
  const { chains } = unwrap(await readApiChains(sample('recorded.csv.gz'), 'shop-eu'));
  const [logged] = log.chains.filter(({ example }) => example.calls.length === 3);
  const recorded = chains.find(({ identity }) => identity.split(' ')[0] === logged?.identity.split(' ')[0]);
  const shown = (chain: typeof logged) =>
    chain?.example.calls.map(({ server, caller, method, route, status, parent }) => [
      ...[server, caller, method, route, status, parent],
    ]);
  expect(shown(logged)).toHaveLength(3);
  expect(shown(logged)).toEqual(shown(recorded));
});

it('readApiChains reads one cluster, or some phases of it', async () => {
  const requestsOf = async (part: string) => unwrap(await readApiChains(sample('recorded.csv.gz'), part)).read.requests;
  const [train, validation, both] = [
    await requestsOf('bank/train'),
    await requestsOf('bank/validation'),
    await requestsOf('bank/train,validation'),
  ];
  expect(train).toBeGreaterThan(0);
  expect(both).toBe(train + validation);
  expect(await requestsOf('bank')).toBe(10_799);
});
