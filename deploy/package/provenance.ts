import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { JsonValue } from '../../base/canonical-json.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { sourceOf } from '../images/attached/provenance.ts';
import { statementType } from '../images/attached/statement.ts';
import type { Packed } from './pack.ts';

/** What a package was built from (in-toto, SLSA provenance 1.0). Without times: the same build says the same. */
export async function provenanceOf({ file, version, build, sha256 }: Omit<Packed, 'packages'>) {
  const source = await sourceOf(checkout);
  const lockfile = createHash('sha256')
    .update(readFileSync(join(checkout, 'package-lock.json')))
    .digest('hex');
  const predicate: JsonValue = {
    buildDefinition: {
      buildType: 'urn:testudo:package-build:1',
      externalParameters: { version, build },
      internalParameters: { node: process.versions.node, sourceChanged: source?.changed ?? false },
      resolvedDependencies: [
        ...(source === undefined ? [] : [{ name: 'source', digest: { gitCommit: source.commit } }]),
        { name: 'package-lock.json', digest: { sha256: lockfile } },
      ],
    },
    runDetails: { builder: { id: 'urn:testudo:npm-run-package:1' } },
  };
  const subject = [{ name: basename(file), digest: { sha256 } }];
  return { _type: statementType, subject, predicateType: 'https://slsa.dev/provenance/v1', predicate };
}
