import { type ClassName, isClassName } from './ids.ts';

/** Of one update, and so of one model: a cluster has no more labels anyway. */
export const declaredClassesMax = 64;

/**
 * The declared classes of any value that a decoder can yield: ascending, each once, frozen; empty where nothing was
 * declared, undefined where it is no legal declaration.
 */
export function checkDeclaredClasses(candidate: unknown): readonly ClassName[] | undefined {
  if (candidate === undefined) return [];
  if (!Array.isArray(candidate) || candidate.length > declaredClassesMax) return undefined;
  const names: ClassName[] = [];
  for (const name of candidate) {
    const last = names.at(-1);
    if (!isClassName(name) || (last !== undefined && name <= last)) return undefined;
    names.push(name);
  }
  return Object.freeze(names);
}

/** The labels with these classes approved and no others; other labels stay as they are. */
export function withApproved(
  labels: Readonly<Record<string, string>>,
  classes: readonly ClassName[],
): Readonly<Record<string, string>> {
  const others = Object.entries(labels).filter(([key]) => approvedClasses({ [key]: '' }).length === 0);
  return Object.fromEntries([...others, ...classes.map((name) => [`${labelPrefix}${name}`, 'yes'])]);
}

const labelPrefix = 'class-';

/**
 * The classes that an operator approved a cluster for, when it enrolled or since, ascending: a label `class-NAME` for each, whatever
 * its value. A cluster may declare these and no others.
 */
export function approvedClasses(labels: Readonly<Record<string, string>>): readonly ClassName[] {
  return Object.keys(labels)
    .flatMap((key) => (key.startsWith(labelPrefix) ? [key.slice(labelPrefix.length)] : []))
    .filter(isClassName)
    .sort();
}
