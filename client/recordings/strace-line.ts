import { noArgumentClass, pathClass, portClass } from '../events/argument-class.ts';
import { isPlausibleTime } from '../events/plausible-time.ts';
import { callIdOfName, unknownId } from '../events/vocabulary.ts';

/** What one line of strace's text says. `pid` is 0 where the line names none. */
export type StraceLine = Readonly<
  | {
      kind: 'call';
      pid: number;
      /** 0 unless the line has seconds since the epoch: of a time of day or a time since the last line nothing is known. */
      atMs: number;
      name: string;
      call: number;
      argumentClass: number;
      /** Its result comes in a later line, or in the rest of this one, which another remark has broken off. */
      unfinished: boolean;
      /** A call that does not return: the thread makes no other. */
      last: boolean;
      /** The process of which a remark in the middle of this line says that strace follows it now. */
      attached: number | undefined;
    }
  /** `execIn`: the thread that goes on under this pid, having called execve. */
  | { kind: 'end'; pid: number; execIn?: number | undefined }
  /** A signal, the second half of an interrupted call, strace's own remarks: see `parseStraceRemark`. */
  | { kind: 'remark' }
  | { kind: 'malformed' }
>;

/** What a remark says about the processes that are followed. */
export type StraceRemark = Readonly<
  | { kind: 'resumed'; pid: number; name: string; last: boolean }
  | { kind: 'attached' | 'detached'; pid: number }
  /** The result of a call that another remark has broken off. */
  | { kind: 'result' }
  /** A signal, or nothing about processes; `pid` is 0 where it names none. */
  | { kind: 'other'; pid: number }
>;

/**
 * "[pid 12] ", "12 " or "12<name> " (-Y); then, in whatever brackets -n, -i and --secontext put before or after it, a time:
 * seconds since the epoch (-ttt), of the day (-t, -tt) or since the last line (-r, alone or as "(+ 0.000012)"). A pid has at
 * most seven digits, seconds since the epoch more. Every repetition is bounded, so that a line of blanks costs no more than others.
 */
const shape =
  /^(?:\[pid {1,16}(\d+)(?:<[^>]{0,64}>)?\] {1,16}|(\d{1,7})(?:<[^>]{0,64}>)? {1,16})?(?:\[ {0,16}[^\s\]]{1,256}\] {1,16}){0,3}(?: {0,32}(\d{1,16}(?:\.\d{1,9})?) {1,16}|\d\d:\d\d:\d\d(?:\.\d{1,9})? {1,16})?(?:\(\+ {0,32}[\d.]{1,32}\) {1,16})?(?:\[ {0,16}[^\s\]]{1,256}\] {1,16}){0,3}(.*)$/s;

const endOfThread = /^\+\+\+ (?:exited with |killed by |superseded by (?:execve in pid (\d+))?)/;
const attachedAtEnd = /(?:^|strace: )Process (\d+) attached(?: with \d+ threads)?$/;
/** The rest of a line that a remark, or what the command wrote to the same terminal, has broken off. */
const restOfCall = /^(?:<unfinished \.\.\.>|<detached \.\.\.>|<pid changed to \d+ \.\.\.>)$/;
const result = /\) {1,64}= (?:-?\d|0x|\?)/;
/** Seconds that are since the epoch and not since the last line: later than 1973. */
const epochSecondsMin = 1e8;
/** How much of a line that begins with no call is looked at for one. */
const beforeCallMax = 256;

/**
 * One line of strace's text, with -f, -ff, -i, -k, -n, -r, -t, -tt, -ttt, -T, -y, -yy and -Y in any combination, to a file or to
 * the terminal. A call counts where it begins ("<unfinished ...>"); its second half ("<... resumed>") is a remark.
 */
export function parseStraceLine(line: string): StraceLine {
  const { pid, seconds, rest } = prefixOf(line);
  const paren = rest.indexOf('(');
  const name = paren > 0 && paren < 64 ? rest.slice(0, paren) : '';
  const named = name === '' ? undefined : callNamed(name);
  if (named !== undefined) {
    const attached =
      rest.endsWith(' attached') || rest.endsWith(' threads') ? attachedAtEnd.exec(rest)?.[1] : undefined;
    return {
      kind: 'call',
      pid,
      atMs: timeOf(seconds),
      name,
      call: named.call,
      argumentClass: classOf(named, rest),
      unfinished: attached !== undefined || rest.endsWith('<unfinished ...>'),
      last: isLast(name, rest),
      attached: attached === undefined ? undefined : Number(attached),
    };
  }
  const end = endOfThread.exec(rest);
  if (end !== null) return { kind: 'end', pid, ...(end[1] === undefined ? {} : { execIn: Number(end[1]) }) };
  const isRemark =
    /^(?:--- |<\.\.\. |strace: |Process \d+ |\[ Process |\?\?\?\? | > )/.test(rest) ||
    restOfCall.test(rest.trim()) ||
    (result.test(rest) && !holdsCall(rest));
  return isRemark || rest.trim() === '' ? { kind: 'remark' } : { kind: 'malformed' };
}

/** Whether a call stands behind something that strace never writes before one: such a line is not understood, and no remark. */
function holdsCall(rest: string): boolean {
  const before = unquoted(rest.slice(0, beforeCallMax));
  for (const [, name = ''] of before.matchAll(/(?:^|\s)(\w{1,63}) ?\(/g)) {
    if (before.startsWith(name) || (callNamed(name)?.call ?? unknownId) !== unknownId) return true;
  }
  return false;
}

/** More of a line that `parseStraceLine` takes for a remark. */
export function parseStraceRemark(line: string): StraceRemark {
  const { pid, rest } = prefixOf(line);
  const resumed = /^<\.\.\. ([a-zA-Z_]\w*) resumed>/.exec(rest);
  if (resumed !== null) {
    const name = resumed[1] as string;
    return { kind: 'resumed', pid, name, last: isLast(name, rest) };
  }
  const attached = attachedAtEnd.exec(rest);
  if (attached !== null) return { kind: 'attached', pid: Number(attached[1]) };
  const detached = /^(?:strace: )?Process (\d+) detached$/.exec(rest);
  if (detached !== null) return { kind: 'detached', pid: Number(detached[1]) };
  return pid === 0 && result.test(rest) ? { kind: 'result' } : { kind: 'other', pid };
}

/** 0 for seconds that are none since the epoch, or that nobody can have meant. */
function timeOf(seconds: number): number {
  const ms = seconds >= epochSecondsMin ? Math.round(seconds * 1_000) : 0;
  return isPlausibleTime(ms) ? ms : 0;
}

type NamedCall = Readonly<{ call: number; hasPath: boolean }>;

/** Of names seen before, which are a few hundred. Bounded, since anything may be written like a call. */
const namedCalls = new Map<string, NamedCall>();
const namedMax = 2_048;

/** What is known of a call by its name; undefined for what is no name. */
function callNamed(name: string): NamedCall | undefined {
  const known = namedCalls.get(name);
  if (known !== undefined || !/^[a-zA-Z_]\w*$/.test(name)) return known;
  const made = { call: callIdOfName(name), hasPath: namesPath.test(name) };
  if (namedCalls.size < namedMax) namedCalls.set(name, made);
  return made;
}

function prefixOf(line: string): { pid: number; seconds: number; rest: string } {
  const [, bracketed, leading, seconds, rest = ''] = shape.exec(line) ?? [];
  return { pid: Number(bracketed ?? leading ?? 0), seconds: Number(seconds ?? 0), rest };
}

/** "exit_group(0) = ?": had it been refused, there would be a result. */
function isLast(name: string, rest: string): boolean {
  return (name === 'exit_group' || name === 'exit') && /\) {1,64}= \?/.test(rest.slice(-256));
}

/** The first path or port among the arguments. */
function classOf(named: NamedCall, call: string): number {
  if (call.includes('_port=htons(')) {
    // Data that is sent is quoted too, and may look like an address.
    const port = /sin6?_port=htons\((\d{1,5})\)/.exec(unquoted(call.slice(0, lookedAtMax)));
    if (port !== null) return portClass(Number(port[1]));
  }
  // Data that is written or read is quoted too; only calls that name a path are looked at.
  if (!named.hasPath) return noArgumentClass;
  const [, directory, path] = firstPath.exec(call) ?? [];
  if (path === undefined) return noArgumentClass;
  return pathClass(directory === undefined || path === '' || path.startsWith('/') ? path : `${directory}/${path}`);
}

/** What stands outside of quotes. One pass: a quote that is never closed must not cost more. */
function unquoted(text: string): string {
  let outside = '';
  let from = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', from)) {
    outside += text.slice(from, at);
    let close = at + 1;
    while (close < text.length && text[close] !== '"') close += text[close] === '\\' ? 2 : 1;
    from = close + 1;
  }
  return outside + text.slice(from);
}

/** A directory's descriptor, with its path where -y shows it, then the path; with the names of arguments (-N) or without. */
const firstPath =
  /^\w+\((?:(?:\w+=)?(?:AT_FDCWD(?:<[^>]*>)?|\d+(?:<(\/[^>]*)>)?), )?(?:\w+=)?"((?:[^"\\]|\\.){0,4096})"/;

/** No address stands behind more data than that. */
const lookedAtMax = 65_536;

const namesPath =
  /^(?:open|creat|stat|lstat|newfstatat|fstatat|access|faccessat|exec|readlink|unlink|rename|link|symlink|mkdir|rmdir|chmod|fchmodat|chown|lchown|fchownat|chdir|chroot|mount|umount|truncate|utime|mknod|pivot_root|setxattr|getxattr|inotify_add_watch|swapon|acct|quotactl|name_to_handle_at)/;
