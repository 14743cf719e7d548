import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { World } from './world.ts';

it('before the next act all that an act set off in this process has run, promises and ticks alike', async () => {
  const world = new World(0);
  const heard: string[] = [];
  const deep = async (levels: number): Promise<void> => {
    if (levels > 0) await deep(levels - 1);
  };
  world.after(1, () => {
    void deep(50).then(() => {
      heard.push('promises');
      process.nextTick(() => void Promise.resolve().then(() => heard.push('a tick, and its promise')));
    });
  });
  world.after(1, () => heard.push('the next act'));
  world.after(2, () => heard.push('a later act'));
  await world.run(1, () => false);
  expect(heard).toEqual(['promises', 'a tick, and its promise', 'the next act']);
  await world.run(2, () => false);
  expect(heard.at(-1)).toBe('a later act');
});

it('a rejection that nobody handles is told before the next act, though it is handled in that one', async () => {
  const program = `
    const { World } = await import(${JSON.stringify(new URL('./world.ts', import.meta.url))});
    const world = new World(0);
    process.on('unhandledRejection', (error) => { world.failed = error.message; });
    let rejected;
    world.after(1, () => { rejected = Promise.reject(new Error('nobody')); });
    world.after(2, () => rejected.catch(() => {}));
    await world.run(3, () => false);
    console.log(JSON.stringify([world.failed, world.nowMs, world.acts]));`;
  const flags = ['--no-warnings', '--input-type=module', '--eval', program];
  const env = { ...process.env, NODE_OPTIONS: '' };
  const { stdout } = await promisify(execFile)(process.execPath, flags, { env });
  expect(JSON.parse(stdout)).toEqual(['nobody', 1, 1]);
}, 600_000);
