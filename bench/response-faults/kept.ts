import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sharedFileMode, writeFileAtomic } from '../../base/atomic-file.ts';
import { describeMachine } from '../harness/machine.ts';
import { faultsPage } from './page.ts';
import type { Kept, PartName } from './turns.ts';

const results = fileURLToPath(new URL('../results/response-faults.json', import.meta.url));
const page = fileURLToPath(new URL('../../docs/benchmarks/response-faults.md', import.meta.url));

/** What campaigns have measured so far. */
export function keptTurns(): Kept {
  if (!existsSync(results)) return { kills: [], rotation: [], quarantine: [] };
  return JSON.parse(readFileSync(results, 'utf8')) as Kept;
}

/**
 * What a campaign has measured, on disk and on its page after each turn: it takes hours, and who stops it loses the turn that it
 * was at.
 */
export class KeptTurns {
  #kept: Kept;
  #writing: Promise<void> = Promise.resolve();
  /** As it was at the start: what a campaign writes down changes the checkout. */
  readonly #machine = describeMachine();

  /** `anew`: parts of which nothing that was measured before counts any more. */
  constructor(anew: readonly PartName[]) {
    this.#kept = { ...keptTurns(), ...Object.fromEntries(anew.map((part) => [part, []])) };
  }

  get all(): Kept {
    return this.#kept;
  }

  /** Resolves when it is on disk. Lanes add beside each other. */
  add<Name extends PartName>(name: Name, turn: Omit<Kept[Name][number], 'machine'>): Promise<void> {
    const whole = { ...turn, machine: this.#machine };
    this.#kept = { ...this.#kept, [name]: [...this.#kept[name], whole] };
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const mode = sharedFileMode;
    await writeFileAtomic(results, `${JSON.stringify(this.#kept, null, 2)}\n`, { mode });
    await writeFileAtomic(page, faultsPage(this.#kept), { mode });
  }
}
