import type { Draws } from '../../world/draws.ts';
import type { SimulatedProcess } from '../../world/process.ts';
import type { World } from '../../world/world.ts';
import type { CoordinatorImage } from '../disk.ts';
import type { Opened, Opening } from '../opened.ts';
import { Database } from './database.ts';
import { openJournalIn } from './open-journal.ts';
import { DatabaseLine } from './session.ts';
import { Tables } from './tables.ts';

/** The database under one federation: its servers, and the ways of its coordinators to it. */
export class DatabaseGround {
  readonly database: Database;
  readonly lines: ReadonlyMap<string, DatabaseLine>;
  readonly #image: CoordinatorImage;
  readonly #draws: Draws;
  /** Set while a server leads that lacks what was acknowledged: what it held then, and how to bring the old one back. */
  rolledBack: Readonly<{ rows: number; epoch: number; bringBack: () => void }> | undefined;

  constructor(world: World, draws: Draws, image: CoordinatorImage, names: readonly string[], isReplicated: boolean) {
    const { journal, keys } = image;
    const last = journal.rows.at(-1);
    const fence = {
      ...{ id: 1 as const, epoch: journal.epoch, holder: '', beat: 0, lease_ms: 0, moved_to: null },
      ...{ head_seq: last?.seq ?? 0, head_chain: last?.chain ?? '0'.repeat(64) },
    };
    this.#draws = draws;
    this.#image = image;
    this.database = new Database(world, draws, new Tables(journal, keys, fence), isReplicated);
    this.lines = new Map(names.map((name) => [name, new DatabaseLine(name)]));
    this.database.onMoved = () => this.#follow();
    this.#follow();
  }

  /** Nothing of it keeps a coordinator from writing. */
  get isWell(): boolean {
    const { database, lines, rolledBack } = this;
    const isReplicating = database.standby !== undefined && !database.isStandbyAway && database.hasStandbyNames;
    const areLines = [...lines.values()].every(({ mood }) => mood === 'well');
    return database.isUp && !database.isFull && (isReplicating || !database.isReplicated) && areLines && !rolledBack;
  }

  open(name: string, process: SimulatedProcess, opening: Opening): Promise<Opened> {
    const line = this.lines.get(name) as DatabaseLine;
    return openJournalIn(this.database, line, process, { ...opening, draws: this.#draws });
  }

  heal(): void {
    const { database, lines } = this;
    for (const line of lines.values()) {
      line.heal();
      line.loses = undefined;
      line.kills = undefined;
      line.atLines = undefined;
    }
    this.rolledBack?.bringBack();
    database.isFull = false;
    database.startAgain();
    if (database.isReplicated) database.standbyNames = 'second';
    database.makeStandby();
    database.standbyAway = false;
  }

  /** Those who judge read what is durable, wherever that lies now. */
  #follow(): void {
    if (this.rolledBack !== undefined) return;
    const { journal, secrets } = this.database.durable;
    this.#image.journal = journal;
    this.#image.keys = secrets;
  }
}
