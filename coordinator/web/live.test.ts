import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import type { MetadataState } from '../ledger/state/releasing.ts';
import { setFreeze } from '../operations/freezes.ts';
import { operator, TestFederation, track } from '../testing/federation.ts';
import { Live } from './live.ts';

/** So often a page hears something. */
const lookMs = 5_000;

async function opened() {
  const federation = await TestFederation.start();
  // A coordinator that has just got a track still journals by itself how it releases it: a page would hear of that too.
  const isReleased = ({ set, changedSeq }: MetadataState) =>
    set !== null && changedSeq > 0 && changedSeq <= set.coversSeq;
  await federation.until(({ metadata }) => isReleased(metadata));
  const { engine, registry } = federation.coordinator;
  const timers = new SimulatedTimers(Date.now());
  const failures: unknown[] = [];
  const live = new Live({ engine, registry, timers, failed: (error) => failures.push(error) });
  onTestFinished(() => live.close());
  /** An open page: what it heard, each event by its name and, of an overview, whether it is whole. */
  const page = () => {
    const heard: string[] = [];
    const leave = live.join((event) => {
      const [, name = '', data = ''] = /^event: (\w+)\ndata: (.*)\n\n$/.exec(event) ?? [];
      heard.push(name === 'overview' ? `overview ${JSON.parse(data).whole ? 'whole' : 'changed'}` : name);
    });
    return { heard, leave };
  };
  return { federation, timers, failures, page };
}

describe('what open pages are told', () => {
  it('is everything, once, and then something every five seconds, also where who came first has left', async () => {
    const { timers, page } = await opened();
    const [first, second] = [page(), page()];
    first.leave();
    await timers.advance(lookMs);
    const third = page();
    await timers.advance(lookMs);
    expect(first.heard).toEqual([]);
    expect(second.heard).toEqual(['overview whole', 'beat', 'beat', 'beat']);
    expect(third.heard).toEqual(['overview whole', 'beat']);
    second.leave();
    third.leave();
    expect(timers.nextInMs).toBeNull();
  });

  it('waits for a look that succeeds, and holds what was journalled meanwhile', async () => {
    const { federation, timers, failures, page } = await opened();
    const { engine } = federation.coordinator;
    const early = page();
    await timers.advance(lookMs);
    const blobs = join(federation.config.dataDirectory, 'blobs');
    await rename(blobs, `${blobs}.away`);
    const freeze = { tracks: [track], fromMs: 0, untilMs: Date.now() + 3_600_000, reason: 'a holiday', dryRun: false };
    unwrap(await setFreeze(engine, operator, freeze));
    await timers.advance(lookMs);
    expect(failures.length).toBeGreaterThan(0);
    await rename(`${blobs}.away`, blobs);
    expect(early.heard).toEqual(['overview whole', 'beat', 'beat']);
    await timers.advance(lookMs);
    expect(early.heard.slice(3)).toEqual(['overview changed', 'entries']);
  });

  it('begins with the first look that succeeds where those before it failed', async () => {
    const { federation, timers, failures, page } = await opened();
    const blobs = join(federation.config.dataDirectory, 'blobs');
    await rename(blobs, `${blobs}.away`);
    const { heard } = page();
    await timers.advance(lookMs);
    expect(heard).toEqual([]);
    expect(failures.length).toBeGreaterThan(0);
    await rename(`${blobs}.away`, blobs);
    await timers.advance(lookMs);
    expect(heard).toEqual(['overview whole', 'beat']);
  });
});
