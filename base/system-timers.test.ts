import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { systemTimers } from './system-timers.ts';
import { timersContract } from './timers-contract.ts';

timersContract('systemTimers', () => ({
  timers: systemTimers,
  until: async (promise) => void (await promise),
}));

describe('systemTimers', () => {
  it('keep the process for what waits, and not for what waits in the background', () => {
    const module = JSON.stringify(new URL('./system-timers.ts', import.meta.url).href);
    const script = `
      const { systemTimers } = await import(${module});
      systemTimers.every(1, () => {}, { background: true });
      systemTimers.after(3_600_000, () => {}, { background: true });
      systemTimers.after(20, () => process.stdout.write('waited'));
    `;
    const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script];
    const ended = spawnSync(process.execPath, flags, { encoding: 'utf8', timeout: 600_000 });
    expect(ended).toMatchObject({ status: 0, stdout: 'waited', stderr: '' });
  });
});
