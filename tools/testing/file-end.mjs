/** A vitest set-up file: ends what the tests of a file shared. What it took is still theirs: record-cost.mjs comes after it. */
import { afterAll } from 'vitest';
import { endAll } from './end-with-file.mjs';

afterAll(endAll);
