import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

/** Whether a process that has loaded this has also loaded the client for WebSockets that comes with Node. */
function loadsWebSockets(...modules: readonly string[]): boolean {
  const part = 'NativeModule internal/deps/undici/undici';
  const loading = modules.map((name) => `await import(${JSON.stringify(name)});`).join(' ');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--no-warnings',
      '--input-type=module',
      '-e',
      `${loading} console.log(process.moduleLoadList.includes('${part}'))`,
    ],
    { encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trim() === 'true';
}

const ours = (path: string) => new URL(`../../${path}`, import.meta.url).href;

it('no process of ours loads what only an import of node:http brings along', () => {
  expect(loadsWebSockets(ours('base/serving/node-http.ts'))).toBe(false);
  expect(
    loadsWebSockets(
      ...['cli/processes/client.ts', 'coordinator/coordinator.ts', 'coordinator/blobs/s3/bucket.ts'].map(ours),
    ),
  ).toBe(false);
  // Else there is nothing to keep away from any more.
  expect(loadsWebSockets('node:http')).toBe(true);
});
