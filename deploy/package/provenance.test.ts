import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkout } from '../../tools/setup/places.mjs';
import { provenanceOf } from './provenance.ts';

it('a package comes with what it was built from: its own hash, the commit, and the packages by their lock', async () => {
  const sha256 = 'ab'.repeat(32);
  const packed = { file: '/out/testudo-0.1.0.tgz', version: '0.1.0', build: '0123456789ab', sha256 };
  const statement = await provenanceOf(packed);
  const lock = createHash('sha256')
    .update(readFileSync(join(checkout, 'package-lock.json')))
    .digest('hex');
  const commit = commitHere();
  expect(statement).toMatchObject({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'testudo-0.1.0.tgz', digest: { sha256 } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        externalParameters: { version: '0.1.0', build: '0123456789ab' },
        internalParameters: { node: process.versions.node },
        resolvedDependencies: [
          ...(commit === undefined ? [] : [{ name: 'source', digest: { gitCommit: commit } }]),
          { name: 'package-lock.json', digest: { sha256: lock } },
        ],
      },
    },
  });
  expect(await provenanceOf(packed)).toEqual(statement);
});

/** undefined where the sources lie without their history. */
function commitHere(): string | undefined {
  const { status, stdout } = spawnSync('git', ['-C', checkout, 'rev-parse', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
