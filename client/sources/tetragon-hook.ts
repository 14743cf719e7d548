import { callIdOfName } from '../events/vocabulary.ts';

/** Functions that the kernel names otherwise than the call that they are; "newfstatat" is one's true name. */
const kernelNames: ReadonlyMap<string, string> = new Map([
  ['newstat', 'stat'],
  ['newlstat', 'lstat'],
  ['newfstat', 'fstat'],
  ['newuname', 'uname'],
]);

/** Of hooks seen before: a node has a few. Bounded, since the names come from outside. */
const known = new Map<string, number | undefined>();
const knownMax = 2_048;

/**
 * The call that a hook on a single one is: "syscalls/sys_enter_openat" of a tracepoint, "__x64_sys_openat" or "sys_openat" of a
 * kprobe. Names mean the same on every architecture. undefined: no hook on the beginning of a call.
 */
export function callIdOfHook(kind: 'tracepoint' | 'kprobe', hook: string): number | undefined {
  const key = `${kind}:${hook}`;
  if (known.has(key)) return known.get(key);
  const pattern =
    kind === 'tracepoint' ? /^syscalls\/sys_enter_(\w{1,64})$/ : /^(?:__[a-z0-9]{1,16}_(?:compat_)?)?sys_(\w{1,64})$/;
  const name = pattern.exec(hook)?.[1];
  const id = name === undefined ? undefined : callIdOfName(kernelNames.get(name) ?? name);
  if (known.size < knownMax && key.length < 128) known.set(key, id);
  return id;
}
