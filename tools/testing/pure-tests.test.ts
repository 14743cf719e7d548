import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkout } from '../setup/places.mjs';
import { pureTests } from './pure-tests.mjs';

const pure = pureTests('{base,proto,aggregation,coordinator,client,cli,tools}');

it('pureTests › finds those that compute alone', () => {
  expect(pure).toContain('coordinator/round/step.test.ts');
  expect(pure).toContain('proto/release/walk.test.ts');
  expect(pure.length).toBeGreaterThan(150);
});

it('pureTests › leaves out what reaches processes, threads, sockets or native libraries, however far down', () => {
  const reaching = [
    'base/thread-link.test.ts', // a thread, itself
    'cli/releases/freeze.test.ts', // processes and a coordinator, by its helpers
    'coordinator/views/rounds.test.ts', // the journal, by a helper's helper
    'client/tracks/syscall/windows/autoencoder.test.ts', // TensorFlow
    'client/kube/reflector.test.ts', // sockets
    'client/storage/storage.test.ts', // its own environment
  ];
  for (const file of reaching) {
    expect(readFileSync(join(checkout, file), 'utf8')).toContain("from 'vitest'");
    expect(pure).not.toContain(file);
  }
});
