import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What package-lock.json says of one installed package, as far as we read it. */
type Locked = Readonly<{
  version?: string;
  resolved?: string;
  integrity?: string;
  dependencies?: Readonly<Record<string, string>>;
  optionalDependencies?: Readonly<Record<string, string>>;
  peerDependencies?: Readonly<Record<string, string>>;
}>;

/** A package by its place below the checkout, such as `node_modules/a/node_modules/b`. */
export type LockedPackage = Readonly<{ path: string; name: string; version: string; integrity: string }>;

/** Which packages stand in the lockfile, and what each of them needs. */
export class Lockfile {
  readonly #packages: Readonly<Record<string, Locked>>;

  constructor(checkout: string) {
    const text = readFileSync(join(checkout, 'package-lock.json'), 'utf8');
    this.#packages = (JSON.parse(text) as { packages: Record<string, Locked> }).packages;
  }

  /** Throws when the lockfile has none of that place. */
  at(path: string): LockedPackage {
    const { version, integrity } = this.#packages[path] ?? {};
    if (version === undefined || integrity === undefined) throw new Error(`image: package-lock.json has no ${path}`);
    return { path, name: nameOf(path), version, integrity };
  }

  /** These packages of ours and all they need, by path; of what is optional, what is installed here and not in `without`. */
  closure(
    names: readonly string[],
    isInstalled: (path: string) => boolean,
    without: ReadonlySet<string>,
  ): LockedPackage[] {
    const found = new Map<string, LockedPackage>();
    const visit = (name: string, from: string, optional: boolean) => {
      if (without.has(name)) return;
      const path = this.#resolve(name, from);
      if (path === undefined || (optional && !isInstalled(path))) {
        if (optional) return;
        throw new Error(`image: ${from || 'we'} need ${name}, and package-lock.json has none`);
      }
      if (found.has(path)) return;
      found.set(path, this.at(path));
      const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = this.#packages[path] ?? {};
      for (const next of Object.keys(dependencies)) visit(next, path, next in optionalDependencies);
      for (const next of Object.keys({ ...optionalDependencies, ...peerDependencies })) visit(next, path, true);
    };
    for (const name of names) visit(name, '', false);
    return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Node's own rule: the nearest node_modules folder upwards that holds it. */
  #resolve(name: string, from: string): string | undefined {
    for (let at = from; ; at = at.slice(0, Math.max(at.lastIndexOf('/node_modules/'), 0))) {
      const path = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
      if (this.#packages[path] !== undefined) return path;
      if (at === '') return undefined;
    }
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}
