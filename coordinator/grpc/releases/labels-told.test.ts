import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import type { ClassName, ClusterId } from '../../../proto/ids.ts';
import { TestAgent } from '../../testing/agent.ts';
import { operator, TestFederation, track } from '../../testing/federation.ts';

/** The next set is signed an hour later, as far as these know. */
it('tells an agent its labels when they change, all of them', async () => {
  const federation = await TestFederation.start();
  const member = await federation.enrol('a');
  const cluster = member.name as ClusterId;
  const agent = new TestAgent(member, federation.coordinator);
  onTestFinished(() => agent.close());
  const stream = agent.client.subscribe({ tracks: [track], rootVersion: 0 });
  const messages = stream[Symbol.asyncIterator]();
  const labels = async () => {
    const { value } = await messages.next();
    return Object.fromEntries(
      (value.labels as readonly { key: string; value: string }[]).map((one) => [one.key, one.value]),
    );
  };
  expect(Object.keys(await labels())).not.toContain('region');
  const { membership } = federation.coordinator;
  const change = { cluster, labels: { region: 'north' }, removed: [], reason: 'test' };
  unwrap(await membership.setLabels(operator, change));
  expect(await labels()).toMatchObject({ region: 'north' });

  const classes = Array.from({ length: 64 }, (_, at) => `kind-${at}` as ClassName).sort();
  unwrap(await membership.setApprovedClasses(operator, { cluster, classes, reason: 'test' }));
  const all = await labels();
  expect(Object.keys(all).length).toBeGreaterThan(64);
  expect(all).toMatchObject({ region: 'north' });
});
