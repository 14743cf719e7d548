import { noArgumentClass, pathClass, portClass } from '../events/argument-class.ts';
import { callIdOfName } from '../events/vocabulary.ts';

/** What one line of `strace -f` says. `pid` is 0 where the line names none. */
export type StraceLine = Readonly<
  | { kind: 'call'; pid: number; atMs: number; name: string; call: number; argumentClass: number }
  | { kind: 'end'; pid: number }
  /** A signal, the second half of an interrupted call, strace's own remarks. */
  | { kind: 'remark' }
  | { kind: 'malformed' }
>;

/** "[pid 12] " or "12 ", then seconds since the epoch or the time of day, then the rest. */
const shape = /^(?:\[pid\s+(\d+)\]\s+|(\d+)\s+)?(?:(\d+\.\d+)\s+|\d\d:\d\d:\d\d(?:\.\d+)?\s+)?(.*)$/s;

/**
 * One line of strace's text, with -f, -ff, -t, -tt and -ttt in any combination, to a file or to the terminal. A call counts
 * where it begins ("<unfinished ...>"); its second half ("<... resumed>") is a remark.
 */
export function parseStraceLine(line: string): StraceLine {
  const [, bracketed, leading, seconds, rest = ''] = shape.exec(line) ?? [];
  const pid = Number(bracketed ?? leading ?? 0);
  const named = /^([a-zA-Z_]\w*)\(/.exec(rest);
  if (named !== null) {
    const name = named[1] as string;
    const atMs = seconds === undefined ? 0 : Math.round(Number(seconds) * 1_000);
    return { kind: 'call', pid, atMs, name, call: callIdOfName(name), argumentClass: classOf(rest) };
  }
  if (/^\+\+\+ (?:exited with|killed by|superseded by) /.test(rest)) return { kind: 'end', pid };
  if (rest === '' || /^(?:---|<\.\.\. |strace: |\[ Process |\?\?\?\? )/.test(rest)) return { kind: 'remark' };
  return { kind: 'malformed' };
}

/** The first path or port among the arguments. */
function classOf(call: string): number {
  const port = /sin6?_port=htons\((\d{1,5})\)/.exec(call);
  if (port !== null) return portClass(Number(port[1]));
  const path = /^\w+\((?:AT_FDCWD(?:<[^>]*>)?, )?"((?:[^"\\]|\\.){0,4096})"/.exec(call);
  // Data that is written or read is quoted too; only calls that name a path are looked at.
  return path !== null && namesPath(call) ? pathClass(path[1] ?? '') : noArgumentClass;
}

function namesPath(call: string): boolean {
  return /^(?:open|creat|stat|lstat|newfstatat|statx|access|faccessat|exec|readlink|unlink|rename|link|symlink|mkdir|rmdir|chmod|fchmodat|chown|lchown|fchownat|chdir|chroot|mount|umount|truncate|utime|mknod|pivot_root|statfs|setxattr|getxattr|inotify_add_watch|swapon|acct|quotactl|name_to_handle_at|openat)/.test(
    call,
  );
}
