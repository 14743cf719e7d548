import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { readTar, type TarEntry } from '../oci/read-tar.ts';
import type { TreeEntry } from '../oci/tree.ts';

const run = promisify(execFile);

const suite = 'bookworm';
/** What the images hold of Debian: the C and C++ libraries, time zones, certificate authorities, no program and no shell. */
const wanted = ['base-files', 'ca-certificates', 'gcc-12-base', 'libc6', 'libgcc-s1', 'libstdc++6', 'tzdata'] as const;

/** One Debian package as its control file says, and its place among the files of this machine. */
export type DebianPackage = Readonly<{
  name: string;
  version: string;
  architecture: string;
  control: string;
  file: string;
}>;

/**
 * Lets mmdebstrap fetch the suite's newest packages (apt checks Debian's signatures and hashes) into `folder`. Rejects with
 * what mmdebstrap said when it cannot.
 */
export async function fetchDebian(folder: string): Promise<void> {
  const temporary = await mkdtemp(join(tmpdir(), 'testudo-debian-'));
  try {
    // Packages are taken out before they are unpacked: nothing that this machine's settings put beside them comes along.
    const copyOut = `cp "$1"/var/cache/apt/archives/*.deb '${folder}'`;
    // Nothing is run of what is fetched, so neither root nor mounts are needed, and it works where an engine builds.
    const args = [
      '--mode=chrootless',
      '--variant=extract',
      '--format=null',
      `--include=${wanted.join(',')}`,
      `--extract-hook=${copyOut}`,
    ];
    await run('mmdebstrap', [...args, suite, '/dev/null'], { env: { ...process.env, TMPDIR: temporary } });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The packages in `folder` that belong into an image, by name. Throws when one is missing. */
export async function debianPackages(folder: string): Promise<DebianPackage[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
  return await Promise.all(
    wanted.map(async (name) => {
      const file = files.find((candidate) => candidate.startsWith(`${name}_`));
      if (file === undefined)
        throw new Error(`image: Debian's package ${name} is not in ${folder}; delete that folder`);
      const { stdout: control } = await run('dpkg-deb', ['--field', join(folder, file)]);
      const field = (key: string) => new RegExp(`^${key}: (.+)$`, 'm').exec(control)?.[1] ?? '';
      return {
        name,
        version: field('Version'),
        architecture: field('Architecture'),
        control,
        file: join(folder, file),
      };
    }),
  );
}

/** What no program of ours reads: character sets for iconv, manuals, scripts for shells and debuggers. */
const leftOut =
  /^(?:usr\/lib\/x86_64-linux-gnu\/gconv\/|usr\/share\/(?:man|locale|lintian|gcc|gdb|base-files|bug)\/|usr\/(?:s?bin)\/|s?bin\/|etc\/(?:skel|profile\.d|update-motd\.d|issue|ca-certificates)|usr\/share\/doc\/[^/]+\/(?!copyright$)|usr\/share\/zoneinfo\/(?:right|posix)\/)/;

/** The files of those packages, what scanners read about them, and the bundle of authorities that Debian's script would make. */
export async function debianEntries(packages: readonly DebianPackage[]): Promise<TreeEntry[]> {
  const byPath = new Map<string, TreeEntry>();
  for (const { file } of packages) {
    for (const entry of await filesOf(file)) if (!leftOut.test(entry.path)) byPath.set(entry.path, entry);
  }
  const entries = [...byPath.values()];
  const bundle = entries
    .filter(({ path }) => /^usr\/share\/ca-certificates\/mozilla\/.+\.crt$/.test(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map((entry) => (entry.kind === 'file' && Buffer.isBuffer(entry.content) ? entry.content.toString('latin1') : ''));
  const status = packages.map(({ control }) => `${control.trimEnd()}\nStatus: install ok installed\n`).join('\n');
  const text = (path: string, content: string): TreeEntry => {
    return { kind: 'file', path, mode: 0o644, content: Buffer.from(content, 'latin1') };
  };
  return [...entries, text('etc/ssl/certs/ca-certificates.crt', bundle.join('')), text('var/lib/dpkg/status', status)];
}

/** A package's own files and links; folders come back where something lies in them, owned by root and readable by all. */
async function filesOf(deb: string): Promise<TreeEntry[]> {
  const { stdout } = await run('dpkg-deb', ['--fsys-tarfile', deb], { encoding: 'buffer', maxBuffer: 1 << 28 });
  const found: TreeEntry[] = [];
  const pieces = new Map<TarEntry, Buffer[]>();
  const contents = new Map<string, Buffer>();
  const keep = (entry: TarEntry, bytes: Buffer) => void pieces.set(entry, [...(pieces.get(entry) ?? []), bytes]);
  for await (const entry of readTar([stdout], keep)) {
    const { path, kind, target } = entry;
    if (kind === 'link') found.push({ kind, path, mode: 0o777, target });
    if (kind !== 'file' && kind !== 'hardLink') continue;
    const linked = contents.get(target.replace(/^\.?\//, ''));
    const content = kind === 'hardLink' ? linked : Buffer.concat(pieces.get(entry) ?? []);
    if (content === undefined)
      throw new Error(`image: ${path} in ${basename(deb)} is a link to ${target}, which is not there`);
    contents.set(path, content);
    found.push({ kind: 'file', path, mode: (entry.mode & 0o111) === 0 ? 0o644 : 0o755, content });
  }
  return found;
}
