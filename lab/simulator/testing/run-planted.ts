import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const config = fileURLToPath(new URL('./planted.config.ts', import.meta.url));
const vitest = join(root, 'node_modules/vitest/vitest.mjs');

type Report = Readonly<{
  testResults: readonly Readonly<{ assertionResults: readonly Readonly<{ status: string; fullName: string }>[] }>[];
}>;

/** Which tests of the file fail with the mutation planted, and which pass: by their full names. */
export async function testsPlanted(mutation: string, file: string) {
  const env = { ...process.env, NODE_OPTIONS: '', TESTUDO_PLANTED: mutation, TESTUDO_PLANTED_TEST: file };
  const run = promisify(execFile)(process.execPath, [vitest, 'run', '--config', config, '--reporter=json'], {
    ...{ cwd: root, env, maxBuffer: 64 << 20 },
  });
  // Failed tests end it with 1: what it wrote says which.
  const { stdout } = await run.catch((error: { code: unknown; stdout: string; stderr: string }) => {
    if (error.code === 1 && error.stdout !== '') return error;
    throw error;
  });
  const { testResults } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as Report;
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const named = (status: string) => tests.filter((one) => one.status === status).map(({ fullName }) => fullName);
  return { failed: named('failed'), passed: named('passed') };
}
