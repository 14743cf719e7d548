import { describe, expect, it } from 'vitest';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { parseClusterId } from '../../proto/ids.ts';
import { Challenges } from './challenges.ts';

const [a, b] = [parseClusterId('a'), parseClusterId('b')];

describe('challenges', () => {
  it('are good once for a member, and those before are worth nothing then', () => {
    const challenges = new Challenges(new SimulatedTimers());
    const [first, second, third] = [challenges.make(), challenges.make(), challenges.make()];
    expect(challenges.spend(second.bytes, a)).toBeUndefined();
    expect(challenges.spend(second.bytes, a)?.code).toBe('CHALLENGE_USED');
    expect(challenges.spend(first.bytes, a)?.code).toBe('CHALLENGE_USED');
    expect(challenges.spend(third.bytes, a)).toBeUndefined();
    expect(challenges.spend(first.bytes, b)).toBeUndefined();
  });

  it('end after their life by the steady clock, wherever the wall clock is set meanwhile', async () => {
    const timers = new SimulatedTimers();
    const challenges = new Challenges(timers);
    const { bytes, lifeMs } = challenges.make();
    timers.setWallClock(0);
    await timers.advance(lifeMs);
    expect(challenges.check(bytes)).toBeUndefined();
    await timers.advance(1);
    expect(challenges.check(bytes)?.code).toBe('CHALLENGE_INVALID');
  });

  it('are refused when any bit is another, when cut, and when another process made them', () => {
    const timers = new SimulatedTimers();
    const challenges = new Challenges(timers);
    const { bytes } = challenges.make();
    expect(challenges.check(bytes)).toBeUndefined();
    for (let at = 0; at < bytes.byteLength * 8; at += 1) {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
      expect(challenges.check(flipped)?.code).toBe('CHALLENGE_INVALID');
    }
    for (let length = 0; length < bytes.byteLength; length += 1) {
      expect(challenges.check(bytes.subarray(0, length))?.code).toBe('CHALLENGE_INVALID');
    }
    expect(new Challenges(timers).check(bytes)?.code).toBe('CHALLENGE_INVALID');
  });
});
