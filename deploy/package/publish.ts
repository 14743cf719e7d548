import { writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { SigningKeyPair } from '../../proto/envelope/crypto/keys.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { sealed } from '../images/attached/dsse.ts';
import { npmSbom } from '../images/attached/sbom.ts';
import { type Packed, packPackage } from './pack.ts';
import { provenanceOf } from './provenance.ts';

/**
 * The built package in the folder `out`, with what belongs to it beside it: its hash, a bill of materials (CycloneDX 1.5), and a
 * statement (in-toto, SLSA provenance 1.0) of what it was built from, in an envelope (DSSE) where there are keys to sign it.
 */
export async function publishPackage(dist: string, out: string, keys: readonly SigningKeyPair[]): Promise<Packed> {
  const packed = await packPackage(dist, resolve(out));
  const { file, sha256 } = packed;
  writeFileSync(`${file}.sha256`, `${sha256}  ${basename(file)}\n`);
  writeFileSync(`${file}.sbom.json`, text(await billOf(packed)));
  const statement = await provenanceOf(packed);
  writeFileSync(`${file}.provenance.json`, text(statement));
  if (keys.length > 0) {
    const envelope = sealed('application/vnd.in-toto+json', Buffer.from(JSON.stringify(statement)), keys);
    writeFileSync(`${file}.provenance.dsse.json`, text(envelope));
  }
  return packed;
}

/** Every package in the archive. Throws when npm does not know one of them. */
async function billOf({ version, sha256, packages }: Packed) {
  const npm = await npmSbom(checkout);
  const known = new Map(npm.components.map((component) => [component['bom-ref'], component]));
  const refs = packages.map(({ name, version: of }) => `${name}@${of}`);
  const components = [...new Set(refs)].sort().map((ref) => {
    const component = known.get(ref);
    if (component === undefined) throw new Error(`package: npm sbom does not name ${ref}, which the package holds`);
    return component;
  });
  const hashes = [{ alg: 'SHA-256', content: sha256 }];
  const component = { 'bom-ref': `testudo@${version}`, type: 'application', name: 'testudo', version, hashes };
  return { bomFormat: 'CycloneDX', specVersion: '1.5', version: 1, metadata: { component }, components };
}

function text(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
