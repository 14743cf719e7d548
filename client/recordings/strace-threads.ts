import { parseStraceLine, parseStraceRemark, type StraceLine } from './strace-line.ts';

/** A thread that strace follows. */
export type StraceThread = Readonly<{
  /** No other thread that is still open has this name. */
  name: string;
  /** 0 where no line has told it yet. */
  pid: number;
}>;

type Member = {
  name: string;
  pid: number;
  /** The call whose result is still to come. */
  unfinished: string | undefined;
  /** It made a call that does not return. */
  over: boolean;
};

const forks: ReadonlySet<string> = new Set(['clone', 'clone3', 'fork', 'vfork']);

/** More are never followed at once: pid_max is 4,194,304 at most, 32,768 by default. */
const membersMax = 100_000;

/**
 * Tells whose each line of strace's text is. With -f and -o every line has a pid. On a terminal lines have one only while
 * strace follows several threads, so a line without one belongs to the only thread that is left. Who that is, is known where
 * strace says whom it follows ("Process 8 attached", "+++ exited"), or where the line goes on with a call that one thread alone
 * left unfinished. What cannot be told becomes a thread of its own: two traces instead of one mixed of both.
 */
export class StraceThreads {
  readonly #file: string;
  readonly #byPid = new Map<number, Member>();
  /** Names without a serial number that are in use, or of threads whose end was not seen. */
  readonly #open = new Set<string>();
  /** The thread that was alone from the start, while its pid is not known. */
  #first: Member | undefined;
  /** Whose the lines without a pid are, until a line has one. */
  #alone: Member | undefined;
  /** strace says whom it follows (no -q): who was not announced was there before. */
  #announces = false;
  /** strace says who ended (no -qq). */
  #saysEnds = false;
  /** Lines had pids, or there was nothing to wait for, without a word of whom strace follows. */
  #isQuiet = false;
  #hasForked = false;
  /** In whose call a remark stands: its result may be on the next line. */
  #brokenOff: Member | undefined;
  #serial = 0;

  /** `file` begins the names of threads. */
  constructor(file: string) {
    this.#file = file;
  }

  /** Another run of strace writes into the file: nobody of the last one goes on. */
  restart(): void {
    this.#forgetAll();
  }

  /**
   * The thread that was alone forks, and nothing written so far shows whether strace says whom it follows or who ended. Lines
   * wait until `settle` has seen one that shows it, or there is none: then the parent may be gone without a word, and its child
   * be the one that is alone.
   */
  get isUnsettled(): boolean {
    return this.#hasForked && !this.#announces && !this.#saysEnds && !this.#isQuiet;
  }

  /** Looks at a line that comes later; undefined: there is none to wait for. Returns whether that settles it. */
  settle(text: string | undefined): boolean {
    const line = text === undefined ? undefined : parseStraceLine(text);
    if (line?.kind === 'end') this.#saysEnds = true;
    else if (line?.kind === 'call' && line.attached !== undefined) this.#announces = true;
    else if (line?.kind === 'remark' && parseStraceRemark(text as string).kind === 'attached') this.#announces = true;
    else if (line === undefined || (line.kind === 'call' && line.pid !== 0)) {
      this.#isQuiet = true;
      this.#alone = undefined;
    }
    return !this.isUnsettled;
  }

  /** Whose call it is. */
  caller({ pid, name, unfinished, last, attached }: Extract<StraceLine, { kind: 'call' }>): StraceThread {
    const member = pid === 0 ? this.#withoutPid() : this.#withPid(pid);
    member.unfinished = unfinished ? name : undefined;
    member.over ||= last;
    this.#brokenOff = attached === undefined ? undefined : member;
    if (attached !== undefined) this.#attach(attached);
    else if (pid === 0 && forks.has(name)) this.#forked();
    return member;
  }

  /** Whose end it is: a thread that nobody knows where that cannot be told. */
  ended({ pid, execIn }: Extract<StraceLine, { kind: 'end' }>): StraceThread {
    this.#saysEnds = true;
    if (execIn !== undefined) return this.#superseded(pid, execIn);
    if (pid === 0) {
      // Only one was left, and now it is gone.
      const member = this.#alone ?? this.#onlyOne();
      this.#forgetAll();
      this.#open.delete(member.name);
      return member;
    }
    const member = this.#withPid(pid, undefined, true);
    this.#byPid.delete(pid);
    this.#open.delete(member.name);
    return member;
  }

  /** A thread that is not its process's first called execve: it goes on under the first one's pid, which is gone. */
  #superseded(pid: number, execIn: number): StraceThread {
    const successor = this.#byPid.get(execIn);
    const others = this.#left().filter((member) => member !== successor);
    const named = pid === 0 ? undefined : this.#withPid(pid, undefined, true);
    const gone = named ?? (others.length === 1 ? others[0] : undefined) ?? this.#made(0);
    if (pid === 0) this.#forgetAll();
    this.#byPid.delete(execIn);
    this.#byPid.delete(gone.pid);
    this.#open.delete(gone.name);
    if (successor === undefined) return gone;
    successor.pid = gone.pid;
    if (gone.pid === 0) this.#first = successor;
    else this.#byPid.set(gone.pid, successor);
    if (pid === 0) this.#alone = successor;
    return gone;
  }

  /** Takes note of a line that is no call and no end. */
  remark(line: string): void {
    const remark = parseStraceRemark(line);
    switch (remark.kind) {
      case 'attached':
        this.#attach(remark.pid);
        return;
      case 'detached':
        this.#byPid.delete(remark.pid);
        return;
      case 'resumed': {
        const { pid, name, last } = remark;
        const member = pid === 0 ? this.#resumedWithoutPid(name) : this.#withPid(pid, name);
        if (member === undefined) return;
        member.unfinished = undefined;
        member.over ||= last;
        if (pid === 0 && forks.has(name)) this.#forked();
        return;
      }
      case 'result':
        if (this.#brokenOff !== undefined) this.#brokenOff.unfinished = undefined;
        return;
      case 'other':
        if (remark.pid !== 0) this.#withPid(remark.pid, undefined, true);
    }
  }

  #attach(pid: number): void {
    this.#announces = true;
    this.#alone = undefined;
    this.#byPid.delete(pid);
    this.#add(pid);
  }

  /** `resumed`: the call that the line goes on with. `isLate`: also of a thread that made its last call. */
  #withPid(pid: number, resumed?: string, isLate = resumed !== undefined): Member {
    this.#alone = undefined;
    const known = this.#byPid.get(pid);
    if (known !== undefined && (isLate || !known.over)) return known;
    const first = this.#first;
    const goesOn = first !== undefined && resumed !== undefined && first.unfinished === resumed;
    if (known === undefined && first !== undefined && (goesOn || (this.#announces && (isLate || !first.over)))) {
      first.pid = pid;
      this.#byPid.set(pid, first);
      this.#first = undefined;
      return first;
    }
    return this.#add(pid);
  }

  #forked(): void {
    this.#hasForked = true;
    if (this.#isQuiet && !this.#announces && !this.#saysEnds) this.#alone = undefined;
  }

  /** Who begins a call. */
  #withoutPid(): Member {
    if (this.#alone?.over) this.#forgetAll();
    // Whose call is unfinished would go on with that one first.
    if (this.#alone?.unfinished !== undefined) this.#alone = undefined;
    this.#alone ??= this.#onlyOne(({ unfinished }) => unfinished === undefined);
    return this.#alone;
  }

  /** The only thread that is left of those that can be meant; a new one where that cannot be told. */
  #onlyOne(canBe: (member: Member) => boolean = () => true): Member {
    const left = this.#left().filter(canBe);
    const [one] = left;
    if (one === undefined && this.#first === undefined) {
      this.#first = this.#made(0);
      return this.#first;
    }
    if (one === undefined) return this.#made(0);
    const isKnown = this.#announces || (this.#saysEnds && one.pid !== 0);
    return left.length === 1 && isKnown ? one : this.#made(0);
  }

  /** The thread that left this call unfinished, where that is one alone: nobody else can go on with it. */
  #resumedWithoutPid(name: string): Member | undefined {
    if (this.#alone !== undefined) return this.#alone;
    const candidates = this.#left().filter(({ unfinished }) => unfinished === name);
    const [one] = candidates;
    if (one === undefined || candidates.length > 1) return undefined;
    this.#alone = one;
    return one;
  }

  #left(): Member[] {
    const members = [...this.#byPid.values()];
    if (this.#first !== undefined) members.push(this.#first);
    return members.filter(({ over }) => !over);
  }

  #add(pid: number): Member {
    const [oldest] = this.#byPid.keys();
    if (this.#byPid.size >= membersMax && oldest !== undefined) this.#byPid.delete(oldest);
    const member = this.#made(pid);
    this.#byPid.set(pid, member);
    return member;
  }

  #made(pid: number): Member {
    const plain = `${this.#file}/${pid}`;
    const isFree = this.#open.size < membersMax && !this.#open.has(plain);
    if (isFree) this.#open.add(plain);
    this.#serial += 1;
    const name = isFree ? plain : `${plain}.${this.#serial}`;
    return { name, pid, unfinished: undefined, over: false };
  }

  #forgetAll(): void {
    this.#byPid.clear();
    this.#first = undefined;
    this.#alone = undefined;
    this.#brokenOff = undefined;
  }
}
