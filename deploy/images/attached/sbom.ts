import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Lockfile } from '../../../tools/packaging/lockfile.ts';
import { pin } from '../../../tools/setup/tensorflow-pin.mjs';
import type { BuiltImage } from '../build.ts';
import type { DebianPackage } from '../layers/debian.ts';
import { nodePackage } from '../layers/package-layers.ts';

const run = promisify(execFile);

/** One thing in a bill of materials (CycloneDX 1.5), as far as we look into it. */
export type Component = Readonly<{ 'bom-ref': string; type: string; name: string; version: string; purl?: string }>;

export type Sbom = Readonly<{
  bomFormat: 'CycloneDX';
  specVersion: '1.5';
  version: 1;
  metadata: Readonly<{ component: Component & Readonly<{ hashes: readonly object[] }> }>;
  components: readonly Component[];
  dependencies: readonly Readonly<{ ref: string; dependsOn?: readonly string[] }>[];
}>;

type NpmSbom = Pick<Sbom, 'components' | 'dependencies'>;

/**
 * What npm says of every package in the lockfile: versions, hashes, licences. Not with `--omit=dev`, which also leaves out what
 * a development package shares with us; images name only what they hold.
 */
export async function npmSbom(checkout: string): Promise<NpmSbom> {
  const npm = process.env.npm_execpath;
  const args = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx'];
  const [file, all] = npm?.endsWith('.js') ? [process.execPath, [npm, ...args]] : ['npm', args];
  const { stdout } = await run(file, all, { cwd: checkout, maxBuffer: 1 << 26 });
  return JSON.parse(stdout) as NpmSbom;
}

/**
 * Everything in an image: packages of npm and Debian, Node and TensorFlow. It says neither when nor under which number it was
 * written, so that the same image has the same bytes. Throws when npm does not know a package that the image holds.
 */
export function sbomOf(image: BuiltImage, npm: NpmSbom, debian: readonly DebianPackage[], checkout: string): Sbom {
  const known = new Map(npm.components.map((component) => [component['bom-ref'], component]));
  const node = new Lockfile(checkout).at(nodePackage);
  const refs = new Set([node, ...image.packages].map(({ name, version }) => `${name}@${version}`));
  const fromNpm = [...refs].map((ref) => {
    const component = known.get(ref);
    if (component === undefined) throw new Error(`image: npm sbom does not name ${ref}, which the image holds`);
    return component;
  });
  const { spec, version, manifest } = image;
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      component: {
        'bom-ref': manifest.digest,
        type: 'container',
        name: `testudo-${spec.name}`,
        version,
        hashes: [{ alg: 'SHA-256', content: manifest.digest.slice('sha256:'.length) }],
      },
    },
    components: [...debian.map(ofDebian), ...fromNpm, ...(spec.tensorflow ? [tensorflow] : [])].sort(byRef),
    dependencies: npm.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) }))
      .sort((a, b) => (a.ref < b.ref ? -1 : 1)),
  };
}

function ofDebian({ name, version, architecture }: DebianPackage): Component {
  const purl = purlOf({ name, version, architecture });
  return { 'bom-ref': purl, type: 'library', name, version, purl };
}

/** A Debian package's name as scanners know it. */
export function purlOf({
  name,
  version,
  architecture,
}: Pick<DebianPackage, 'name' | 'version' | 'architecture'>): string {
  return `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}&distro=bookworm`;
}

const tensorflow = {
  'bom-ref': `tensorflow@${pin.version}`,
  type: 'library',
  name: 'tensorflow',
  version: pin.version,
  purl: `pkg:pypi/tensorflow-cpu@${pin.version}`,
  hashes: [{ alg: 'SHA-256', content: pin.sha256 }],
} as const;

const byRef = (a: Component, b: Component) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1);
