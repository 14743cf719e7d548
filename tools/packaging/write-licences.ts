/** `npm run licences`: writes THIRD_PARTY.md; fails where something is shipped under a licence that is not on the list. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../setup/places.mjs';
import { licenceProblems, shippedOf, thirdPartyPage } from './licences.ts';

const problems = licenceProblems(shippedOf(readFileSync(join(checkout, 'package-lock.json'), 'utf8')));
for (const problem of problems) process.stderr.write(`${problem}\n`);
if (problems.length > 0) process.exit(1);
writeFileSync(join(checkout, 'THIRD_PARTY.md'), thirdPartyPage(checkout));
