import type { Row } from '../../../../coordinator/postgres/driver.ts';
import type { Draws } from '../../world/draws.ts';
import type { World } from '../../world/world.ts';
import { isWrite, outcomeOf } from './statements.ts';
import type { Change, Tables } from './tables.ts';

/** `isWeak`: with a warning. */
export type Reply = Readonly<{ rows: readonly Row[]; isWeak: boolean } | { sqlState: string }>;

/** A session's end at the server. */
export interface Peer {
  readonly isGone: boolean;
  /** The server has ended, or ends this connection. */
  break(): void;
}

type Wait = Readonly<{ position: number; over: (isWeak: boolean) => void }>;
type UnderWay = { readonly change: Change; isLogged: boolean };

const draw = 'database';

/**
 * A PostgreSQL of two servers, as far as a journal's statements can tell: one lock orders the writes, each is logged before it is
 * seen, and where a synchronous standby is named its writer waits for that. A statement goes on when whoever sent it is gone.
 */
export class Database {
  readonly #world: World;
  readonly #draws: Draws;
  /** Whether a synchronous standby is asked for: then what the standby has is what is durable. */
  readonly isReplicated: boolean;
  primary: Tables;
  standby: Tables | undefined;
  isUp = true;
  isFull = false;
  /** Away: it gets nothing for a while. */
  isStandbyAway = false;
  readonly #settings = { synchronous_commit: 'on', synchronous_standby_names: '' };
  readonly peers = new Set<Peer>();
  #life = 0;
  #queue: (() => void)[] = [];
  #isLocked = false;
  #underWay: UnderWay | undefined;
  /** Records logged, and those of them that the standby has. */
  #logged = 0;
  #replayed = 0;
  #unshipped: Readonly<{ position: number; change: Change }>[] = [];
  readonly #waits = new Set<Wait>();
  /** What is durable lies elsewhere now. */
  onMoved: () => void = () => {};

  constructor(world: World, draws: Draws, tables: Tables, isReplicated: boolean) {
    this.#world = world;
    this.#draws = draws;
    this.primary = tables;
    this.standby = tables.copy();
    this.isReplicated = isReplicated;
    if (isReplicated) this.#settings.synchronous_standby_names = 'second';
  }

  /** Which start of the server this is. */
  get life(): number {
    return this.#life;
  }

  get durable(): Tables {
    return this.isReplicated ? (this.standby ?? this.primary) : this.primary;
  }

  /** Never answers where the server ends meanwhile. */
  async execute(text: string, values: readonly unknown[], peer: Peer): Promise<Reply> {
    const life = this.#life;
    if (!isWrite(text)) {
      await this.#wait(life, 1, 3);
      return this.#replyOf(outcomeOf(text, values, this.primary, this.#settings));
    }
    await this.#lock(life);
    // Whoever waits for a lock looks now and then whether his client is still there.
    if (peer.isGone && this.#draws.chance(draw, 0.5)) {
      this.#unlock();
      return { sqlState: '57014' };
    }
    const outcome = outcomeOf(text, values, this.primary, this.#settings);
    const change = 'change' in outcome ? outcome.change : undefined;
    if (change === undefined || this.isFull) {
      this.#unlock();
      return change === undefined ? this.#replyOf(outcome) : { sqlState: '53100' };
    }
    const underWay: UnderWay = { change, isLogged: false };
    this.#underWay = underWay;
    await this.#wait(life, 1, 8);
    const position = this.#log(change);
    underWay.isLogged = true;
    const isWeak = await this.#replicated(position, life);
    this.#underWay = undefined;
    this.primary.apply(change);
    this.#unlock();
    return { ...this.#replyOf(outcome), isWeak };
  }

  /** Ends at once. What was logged is there when it starts again; what was being logged is, or is not. */
  crash(): void {
    this.#life += 1;
    this.isUp = false;
    this.#queue = [];
    this.#isLocked = false;
    this.#waits.clear();
    const underWay = this.#underWay;
    this.#underWay = undefined;
    if (underWay !== undefined && !underWay.isLogged && this.#draws.chance(draw, 0.5)) {
      this.#log(underWay.change);
      underWay.isLogged = true;
    }
    if (underWay?.isLogged === true) this.primary.apply(underWay.change);
    this.#breakAll();
  }

  startAgain(): void {
    this.isUp = true;
  }

  /** The standby leads from now on; what it lacks is gone. It has no standby of its own until one is made. */
  promote(): void {
    if (this.standby === undefined) return;
    this.crash();
    this.primary = this.standby;
    this.standby = undefined;
    this.#unshipped = [];
    this.#logged = this.#replayed;
    this.isUp = true;
    this.onMoved();
  }

  /** The old primary is there again, as it was, in the place of who was promoted. */
  bringBack(primary: Tables): void {
    this.crash();
    this.primary = primary;
    this.standby = undefined;
    this.isUp = true;
    this.makeStandby();
  }

  /** Another server is set up as a standby, from what the first one has. */
  makeStandby(): void {
    if (this.standby !== undefined) return;
    this.standby = this.primary.copy();
    if (this.#underWay?.isLogged === true) this.standby.apply(this.#underWay.change);
    this.#unshipped = [];
    this.#replayed = this.#logged;
    this.onMoved();
    this.#endWaits();
  }

  set standbyAway(isAway: boolean) {
    this.isStandbyAway = isAway;
    if (!isAway) this.#replay(this.#logged);
  }

  /** Somebody cancels what waits for the standby: it has happened here all the same, and a warning says so. False: nothing waits. */
  cancelWaits(): boolean {
    const waits = [...this.#waits];
    this.#waits.clear();
    for (const wait of waits) wait.over(true);
    return waits.length > 0;
  }

  get hasStandbyNames(): boolean {
    return this.#settings.synchronous_standby_names !== '';
  }

  /** Whom commits wait for. Where nobody is named any more, those that wait are let go without a word. */
  set standbyNames(names: string) {
    this.#settings.synchronous_standby_names = names;
    if (names !== '') return;
    for (const wait of [...this.#waits]) {
      this.#waits.delete(wait);
      wait.over(false);
    }
  }

  #replyOf(outcome: ReturnType<typeof outcomeOf>): Reply {
    return 'sqlState' in outcome ? outcome : { rows: outcome.rows, isWeak: false };
  }

  #log(change: Change): number {
    this.#logged += 1;
    const position = this.#logged;
    if (this.standby === undefined) return position;
    this.#unshipped.push({ position, change });
    this.#world.after(this.#draws.between(draw, 1, 12), () => {
      if (!this.isStandbyAway) this.#replay(position);
    });
    return position;
  }

  #replay(position: number): void {
    for (let next = this.#unshipped[0]; next !== undefined && next.position <= position; next = this.#unshipped[0]) {
      this.#unshipped.shift();
      this.standby?.apply(next.change);
      this.#replayed = next.position;
    }
    this.#endWaits();
  }

  #endWaits(): void {
    for (const wait of [...this.#waits]) {
      if (wait.position > this.#replayed) continue;
      this.#waits.delete(wait);
      wait.over(false);
    }
  }

  #replicated(position: number, life: number): Promise<boolean> {
    if (this.#settings.synchronous_standby_names === '') return Promise.resolve(false);
    if (this.standby !== undefined && this.#replayed >= position) return Promise.resolve(false);
    return new Promise((resolve) => {
      const over = (isWeak: boolean) => {
        if (life === this.#life) resolve(isWeak);
      };
      this.#waits.add({ position, over });
    });
  }

  #wait(life: number, lowMs: number, highMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.after(this.#draws.between(draw, lowMs, highMs), () => {
        if (life === this.#life) resolve();
      });
    });
  }

  #lock(life: number): Promise<void> {
    return new Promise((resolve) => {
      const mine = () => {
        if (life === this.#life) resolve();
      };
      if (this.#isLocked) this.#queue.push(mine);
      else {
        this.#isLocked = true;
        mine();
      }
    });
  }

  #unlock(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#isLocked = false;
    else next();
  }

  #breakAll(): void {
    for (const peer of [...this.peers]) peer.break();
  }
}
