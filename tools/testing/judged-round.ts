import { unwrap } from '../../base/fault.ts';
import { operator, TestFederation, track } from '../../coordinator/testing/federation.ts';
import { pages, settings } from './browser.ts';

const policy = `
aggregation: { f: 1, before: [] }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 5 }, collectForMs: 60000 }
`;
const values = 64;

/** Markup, and a character that turns the direction of what follows: what somebody may have written as a reason. */
export const hostile = '<img src=x onerror="document.title=1">\u202egnp.exe';

/** A federation with its dashboard, in which a round of five, one of whom lies, has given version 1. */
export async function withOneRound(): Promise<TestFederation> {
  const federation = await TestFederation.start({ settings, pages, policy, values });
  const members = await Promise.all(['a', 'b', 'c', 'd', 'liar'].map((name) => federation.enrol(name)));
  for (const member of members) await member.watch([track]);
  unwrap(await federation.coordinator.engine.openRound(operator, { track, reason: hostile }));
  for (const member of members) await member.invitation();
  for (const [at, member] of members.entries()) {
    const delta = Float32Array.from({ length: values }, (_, i) => (at === 4 ? -9 : 0.1 + 0.01 * Math.sin(at + i)));
    unwrap(await member.submit(delta));
  }
  await federation.until(({ tracks }) => tracks.get(track)?.releasing.channels.stable?.version === 1);
  return federation;
}
