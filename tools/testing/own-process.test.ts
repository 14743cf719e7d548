import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkout } from '../setup/places.mjs';
import { ownProcessTests } from './own-process.mjs';

const own = ownProcessTests('{base,cli,client,coordinator,lab,proto,tools}/**/*.test.ts');

it('ownProcessTests › finds what measures its process, itself or by anything that it loads, and what changes it', () => {
  const alone = [
    'client/scoring/hostile-model.test.ts', // its own memory
    'client/client.test.ts', // a client, which keeps its training below a limit of memory
    'cli/api-live.test.ts', // one by its helpers
    'client/sensor.test.ts', // a sensor, which keeps to its budget
    'cli/processes/up.test.ts', // a variable of the environment, never put back
    'coordinator/observability/observability.test.ts', // says so
  ];
  for (const file of alone) {
    expect(readFileSync(join(checkout, file), 'utf8')).toContain("from 'vitest'");
    expect(own).toContain(file);
  }
});

it('ownProcessTests › leaves all others together, whatever they start', () => {
  for (const file of ['coordinator/coordinator.test.ts', 'coordinator/process.test.ts', 'proto/release/walk.test.ts']) {
    expect(readFileSync(join(checkout, file), 'utf8')).toContain("from 'vitest'");
    expect(own).not.toContain(file);
  }
  expect(own.length).toBeLessThan(100);
});
