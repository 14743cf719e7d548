import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Lockfile } from '../../../tools/packaging/lockfile.ts';
import { pin } from '../../../tools/setup/tensorflow-pin.mjs';
import type { BuiltImage } from '../build.ts';
import type { DebianPackage } from '../layers/debian.ts';
import { nodePackage } from '../layers/package-layers.ts';
import { purlOf } from './sbom.ts';
import { type Statement, statementAbout } from './statement.ts';

const run = promisify(execFile);

type Dependency = Readonly<{ name?: string; uri?: string; digest: Readonly<Record<string, string>> }>;

/** A commit, and whether files differed from it. */
export type Source = Readonly<{ commit: string; changed: boolean }>;

/** What git says of a checkout; undefined where it is none. */
export async function sourceOf(checkout: string): Promise<Source | undefined> {
  try {
    const { stdout: commit } = await run('git', ['rev-parse', 'HEAD'], { cwd: checkout });
    const { stdout: status } = await run('git', ['status', '--porcelain'], { cwd: checkout });
    return { commit: commit.trim(), changed: status !== '' };
  } catch {
    return undefined;
  }
}

/** From what an image was built and how (SLSA provenance 1.0). Without times: the same build says the same. */
export async function provenanceOf(
  image: BuiltImage,
  {
    debian,
    checkout,
    source,
  }: Readonly<{ debian: readonly DebianPackage[]; checkout: string; source: Source | undefined }>,
): Promise<Statement> {
  const lockfile = createHash('sha256')
    .update(readFileSync(join(checkout, 'package-lock.json')))
    .digest('hex');
  const node = new Lockfile(checkout).at(nodePackage);
  const dependencies: Dependency[] = [
    ...(source === undefined ? [] : [{ name: 'source', digest: { gitCommit: source.commit } }]),
    { name: 'package-lock.json', digest: { sha256: lockfile } },
    { uri: `pkg:npm/${node.name}@${node.version}`, digest: digestOfIntegrity(node.integrity) },
    ...(await Promise.all(debian.map(ofDebian))),
    ...(image.spec.tensorflow
      ? [{ uri: `pkg:pypi/tensorflow-cpu@${pin.version}`, digest: { sha256: pin.sha256 } }]
      : []),
  ];
  return statementAbout(image, 'https://slsa.dev/provenance/v1', {
    buildDefinition: {
      buildType: 'urn:testudo:image-build:1',
      externalParameters: { image: image.spec.name, version: image.version, build: image.build },
      internalParameters: {
        node: process.versions.node,
        zlib: process.versions.zlib,
        sourceChanged: source?.changed ?? false,
      },
      resolvedDependencies: dependencies,
    },
    runDetails: { builder: { id: 'urn:testudo:npm-run-images:1' } },
  });
}

async function ofDebian(debian: DebianPackage): Promise<Dependency> {
  const sha256 = createHash('sha256')
    .update(await readFile(debian.file))
    .digest('hex');
  return { uri: purlOf(debian), digest: { sha256 } };
}

/** npm's `sha512-BASE64` as in-toto writes digests. */
function digestOfIntegrity(integrity: string): Record<string, string> {
  const [algorithm = '', base64 = ''] = integrity.split('-', 2);
  return { [algorithm]: Buffer.from(base64, 'base64').toString('hex') };
}
