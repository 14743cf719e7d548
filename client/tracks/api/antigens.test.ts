import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { parseClusterId, parseFederationId, parseTrackId } from '../../../proto/ids.ts';
import { distinctAntigens } from '../../antibodies/distinct-antigens.ts';
import { makeAntibody } from '../../antibodies/make-antibody.ts';
import { Panel } from '../../antibodies/panel.ts';
import type { ApiExample } from './example.ts';
import { chainAntigens } from './facts/antigens.ts';
import { readApiChains } from './offline/api-files.ts';
import { csvOf, type Line, learnS, normalTraffic, request, userOf } from './testing/small-shop.ts';

const head = {
  federation: parseFederationId('herd'),
  track: parseTrackId('api'),
  cluster: parseClusterId('eu'),
  family: 'injection',
  madeAtMs: 0,
  expiresAtMs: 1,
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-antigens-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function chainsOf(lines: readonly Line[]): Promise<readonly ApiExample[]> {
  const path = join(folder, 'requests.csv');
  await writeFile(path, csvOf(lines));
  return unwrap(await readApiChains(path, undefined)).chains.map(({ example }) => example);
}

/** Injections into a search field of one service, by users of the cluster. */
function injections(payloads: readonly string[], path: string): Line[] {
  return payloads.flatMap((text, n) =>
    request(learnS + 60 * n, `a${n}`, userOf(n), {
      method: 'GET',
      path: `${path}?q=${encodeURIComponent(text)}`,
      attack: 'injection',
    }),
  );
}

/** Of each chain that a user sent, without what the gateway asks of others. */
const antigensOf = (chains: readonly ApiExample[]) => distinctAntigens(chains.map(chainAntigens));

it('an injection that one cluster confirmed is found in another, at another service and with other words', async () => {
  const confirmed = await chainsOf(
    injections(
      ["' OR '1'='1", "' or 'a'='a' --", "x' OR 1=1 --", "' UNION SELECT name FROM users --"],
      '/catalogue/search',
    ),
  );
  const there = await chainsOf(normalTraffic(2));
  const here = antigensOf((await chainsOf(normalTraffic(7))).slice(0, 400));
  const antibody = makeAntibody(head, antigensOf(confirmed), antigensOf(there.slice(0, 400)));
  if (antibody === undefined) throw new Error('nothing tells an injection from normal requests');
  const panel = await Panel.open([antibody], here, 0.01);
  expect(panel.vaccinations.map(({ refused }) => refused)).toEqual([undefined]);
  const later = await chainsOf(injections(["' OR 'x'='x", "zz' OR 2=2 --"], '/orders/find'));
  for (const example of later) expect(panel.risk(chainAntigens(example))?.risk).toBeGreaterThan(1);
  const unseen = (await chainsOf(normalTraffic(9))).slice(-200);
  const flagged = unseen.filter((example) => (panel.risk(chainAntigens(example))?.risk ?? 0) > 1);
  expect(flagged.length).toBeLessThanOrEqual(6);
});

it('nothing of an antibody is about who sent a chain', async () => {
  const chain = (n: number) => request(learnS, 'a', userOf(n), { method: 'GET', path: '/orders/1001' });
  const [[one], [other]] = [await chainsOf(chain(3)), await chainsOf(chain(11))];
  expect(chainAntigens(one as ApiExample).toSorted()).toEqual(chainAntigens(other as ApiExample).toSorted());
});
