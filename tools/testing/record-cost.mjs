/**
 * A vitest set-up file: when all tests of a file have ended, notes in the folder that TESTUDO_TEST_COST names what processor
 * time they took. A process that only started meanwhile and lives on is not in it.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { processorTime } from './processor-time.mjs';

const folder = process.env.TESTUDO_TEST_COST;
const shared = /** @type {{ testudoTestCost?: ReturnType<typeof processorTime> }} */ (globalThis);
const startedMs = performance.now();

if (folder !== undefined && process.platform === 'linux') {
  afterAll(() => {
    const used = processorTime(readFileSync('/proc/self/stat', 'utf8'));
    // Files that share a process: each is charged with what came after the one before.
    const before = shared.testudoTestCost ?? { ownSeconds: 0, childrenSeconds: 0 };
    shared.testudoTestCost = used;
    const cost = {
      file: expect.getState().testPath,
      ownSeconds: used.ownSeconds - before.ownSeconds,
      childrenSeconds: used.childrenSeconds - before.childrenSeconds,
      wallSeconds: (performance.now() - startedMs) / 1_000,
    };
    appendFileSync(join(folder, 'files.jsonl'), `${JSON.stringify(cost)}\n`);
  });
}
