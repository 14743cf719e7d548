import { describe, expect, it } from 'vitest';
import { atOnce, inTurns, type Steps } from './steps.ts';

function* counting(count: number, onStep: () => void): Steps<number> {
  for (let step = 0; step < count; step++) {
    onStep();
    yield;
  }
  return count;
}

describe('steps', () => {
  it('are all done at once, or with turns of the event loop in between', async () => {
    let taken = 0;
    expect(atOnce(counting(10, () => taken++))).toBe(10);
    expect(taken).toBe(10);

    const seen: number[] = [];
    let running = true;
    const look = () => {
      seen.push(taken);
      if (running) setImmediate(look);
    };
    taken = 0;
    setImmediate(look);
    expect(await inTurns(counting(40, () => taken++))).toBe(40);
    running = false;
    expect(seen.filter((at) => at > 0 && at < 40).length).toBeGreaterThan(5);
  });

  it('fail as what they do fails, and are then taken no further', async () => {
    let taken = 0;
    const failing = () =>
      counting(10, () => {
        taken += 1;
        if (taken === 3) throw new Error('broken');
      });
    expect(() => atOnce(failing())).toThrow('broken');
    taken = 0;
    await expect(inTurns(failing())).rejects.toThrow('broken');
    expect(taken).toBe(3);
  });
});
