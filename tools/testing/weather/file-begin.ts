/** A vitest set-up file, where TESTUDO_WEATHER is set: the same seed brings a test file the same weather, whatever ran before it. */
import { relative } from 'node:path';
import { expect } from 'vitest';
import { checkout } from '../../setup/places.mjs';
import { changePlace } from './weather.ts';

changePlace(relative(checkout, expect.getState().testPath ?? ''));
