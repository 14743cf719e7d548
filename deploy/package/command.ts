/**
 * `npm run package -- DIR [--sign FILE …]`: the package that npm installs, in DIR, with what belongs to it: its hash, a bill of
 * materials (CycloneDX 1.5), and a statement (in-toto, SLSA provenance 1.0) of what it was built from, signed if told.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readKey } from '../../cli/operator/root-files.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { sealed } from '../images/attached/dsse.ts';
import { npmSbom } from '../images/attached/sbom.ts';
import { buildDist } from '../images/dist.ts';
import { type Packed, packPackage } from './pack.ts';
import { provenanceOf } from './provenance.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { sign: { type: 'string', multiple: true, default: [] } },
});
const [out] = positionals;
if (out === undefined || positionals.length > 1) {
  process.stderr.write('usage: npm run package -- DIR [--sign FILE …]\n');
  process.exit(2);
}

const keys = values.sign.map(readKey);
const folder = mkdtempSync(join(tmpdir(), 'testudo-package-'));
try {
  const dist = join(folder, 'dist');
  await buildDist(dist);
  const packed = await packPackage(dist, resolve(out));
  writeFileSync(`${packed.file}.sha256`, `${packed.sha256}  ${basename(packed.file)}\n`);
  writeFileSync(`${packed.file}.sbom.json`, text(await billOf(packed)));
  const statement = await provenanceOf(packed);
  writeFileSync(`${packed.file}.provenance.json`, text(statement));
  if (keys.length > 0) {
    const envelope = sealed('application/vnd.in-toto+json', Buffer.from(JSON.stringify(statement)), keys);
    writeFileSync(`${packed.file}.provenance.dsse.json`, text(envelope));
  }
  process.stdout.write(`${packed.file}  sha256:${packed.sha256}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
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
