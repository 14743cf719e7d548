import { expect, it } from 'vitest';
import { ownProcessTests } from './own-process.mjs';

const own = ownProcessTests('{cli,client,coordinator,tools}/**/*.test.ts');

it('ownProcessTests › finds what measures its process, and what sets it up for good', () => {
  expect(own).toContain('client/scoring/hostile-model.test.ts'); // Its own memory.
  expect(own).toContain('cli/processes/up.test.ts'); // A variable of the environment, never put back.
});

it('ownProcessTests › leaves all others together, whatever they start', () => {
  for (const file of ['coordinator/coordinator.test.ts', 'coordinator/process.test.ts', 'client/client.test.ts']) {
    expect(own).not.toContain(file);
  }
  expect(own.length).toBeLessThan(40);
});
