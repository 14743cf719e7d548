import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { track } from '../coordinator/testing/federation.ts';
import { HeldLine } from '../coordinator/testing/held-line.ts';
import { CommandLine } from './testing/command-line.ts';

it('a rollback whose second half fails says that stable has moved, and which command does the rest', async () => {
  const line = await CommandLine.start();
  const { federation } = line;
  const { coordinator } = federation;
  const known = () => coordinator.engine.state().tracks.get(track);
  const members = await Promise.all(['a', 'b', 'c'].map((name) => federation.enrol(name)));
  for (const member of members) await member.watch([track]);
  await federation.openRound();
  for (const member of members) {
    await member.invitationTo('r-1');
    unwrap(await member.submit(new Float32Array(1000).fill(0.01)));
  }
  const stable = () => known()?.releasing.channels.stable?.version;
  await federation.until(() => stable() === 1);
  await coordinator.registry.settled();

  const way = await HeldLine.open(() => Number(coordinator.addresses.federation.split(':').at(-1)));
  onTestFinished(() => way.close());
  // From the rollback on nothing more is heard: its own answer goes out, the question after it does not come in.
  Object.defineProperty(way, 'mode', { get: () => ({ toServer: stable() === 0 ? 'hold' : 'pass', toClient: 'pass' }) });
  const through = ['--credentials', line.credentials('admin'), '--address', `127.0.0.1:${way.port}`];
  const back = line.offline('rollback', track, '--training', '--reason', 'false alarms', ...through);
  // More than the frames that acknowledge an answer: the second question.
  await expect.poll(() => way.heldBytes, { timeout: 600_000 }).toBeGreaterThan(60);
  way.cut();
  expect(await back).toMatchObject({
    code: 5,
    out: '',
    error: expect.stringMatching(
      /^HALF_DONE: stable of syscall is 0 \(journal \d+\).*OUTCOME_UNKNOWN.*Do not repeat the rollback: `testudo tracks head syscall 0 --reason 'false alarms'` does the rest/,
    ),
  });
  expect(stable()).toBe(0);
  expect(await line.run('tracks', 'head', track, '0', '--reason', 'false alarms')).toMatchObject({ code: 0 });
}, 600_000);
