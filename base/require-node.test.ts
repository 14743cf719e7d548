import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const cli = fileURLToPath(new URL('../cli/testudo.ts', import.meta.url));

/** The command line under a Node that says it is another one. */
function runAs(version: string) {
  const other = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const flags = ['--disable-warning=ExperimentalWarning', `--import=data:text/javascript,${encodeURIComponent(other)}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, cli, '--version'], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

it.each(['18.19.0', '20.11.1', '22.14.0', '24.0.0'])('Node %s is told in one line which one is needed', (version) => {
  const { status, stdout, stderr } = runAs(version);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(
    new RegExp(`^Testudo needs Node 22 \\(22\\.15 or newer\\), and this is Node ${version}: .*\\n$`),
  );
});

it('Node 22.15 and newer ones of 22 are taken', () => {
  expect(runAs('22.15.0')).toMatchObject({ status: 0, stderr: '' });
});
