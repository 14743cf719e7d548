import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwrap } from '../../../../base/fault.ts';
import { ApiMemory } from '../memory/api-memory.ts';
import { readApiChains } from '../offline/api-files.ts';
import { RouteBook } from '../requests/route-book.ts';
import { csvOf, normalTraffic } from '../testing/small-shop.ts';
import { type Surprise, Surprises } from './surprise.ts';

it('says of calls that it knows what a fresh look says of them, in whatever chain they come, while nothing is learnt', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-surprise-'));
  try {
    const path = join(folder, 'requests.csv');
    await writeFile(path, csvOf(normalTraffic()));
    const examples = unwrap(await readApiChains(path, undefined)).chains.map(({ example }) => example);
    const [memory, book] = [new ApiMemory(), new RouteBook()];
    for (const { calls } of examples) for (const call of calls) book.learn(call);
    for (const example of examples.slice(0, examples.length / 2))
      memory.learn(example, book.templatesOf(example.calls));
    const remembering = new Surprises(memory, undefined);
    const calls = new Set(examples.map((example) => JSON.stringify(example.calls)));
    expect(calls.size).toBeLessThan(examples.length / 2);
    let surprised = 0;
    for (const example of examples.slice(-300)) {
      const routes = book.templatesOf(example.calls);
      const found = remembering.of(example, routes);
      const fresh = new Surprises(memory, undefined).of(example, routes);
      expect(found.nats).toEqual(fresh.nats);
      expect(found.calls).toEqual(fresh.calls);
      // A view that was not surprised is about nothing.
      const about = (one: Surprise) => one.about.filter((_, view) => (fresh.nats[view] as number) > 0);
      expect(about(found)).toEqual(about(fresh));
      if (fresh.nats.some((nats) => nats > 2)) surprised += 1;
    }
    expect(surprised).toBeGreaterThan(5);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
