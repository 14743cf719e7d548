/**
 * Herd immunity, told with the commands that operators type: an attack that one cluster confirmed is found in another by the
 * antibody made of it, and one that a liar made of the other's normal work is refused there by that work.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { unwrap } from '../../base/fault.ts';
import { distinctAntigens } from '../../client/antibodies/distinct-antigens.ts';
import { makeAntibody } from '../../client/antibodies/make-antibody.ts';
import { confirmedMin } from '../../client/antibodies/panel.ts';
import type { Trace } from '../../client/events/trace.ts';
import type { Alert } from '../../client/scoring/alert.ts';
import { traceAntigens } from '../../client/tracks/syscall/traces/antigens.ts';
import { defaultPieceCalls } from '../../client/tracks/syscall/traces/trace-assembler.ts';
import { writeTraces } from '../../lab/data/trace-writer.ts';
import type { Federation } from '../../lab/rig/federation.ts';
import { type Antibody, antibodyBytes, readAntibody } from '../../proto/antibody.ts';
import { parseClusterId } from '../../proto/ids.ts';
import type { AntibodyTale } from '../report/antibody-tale.ts';
import type { Screen } from '../screen.ts';
import type { AntibodyCast } from './antibody-cast.ts';

const track = 'syscall';
/** What a liar calls his neighbour's work. */
const poisonFamily = 'new_worm';
/** Families that are tried, each some seconds of attacks. */
const castsMax = 3;

export type AntibodyStoryParts = Readonly<{
  federation: Federation;
  /** A folder for the liar's file. */
  folder: string;
  /** Those that are tried, best first: a family of which the maker's detectors see nothing makes no antibody. */
  casts: readonly AntibodyCast[];
  screen: Screen;
}>;

/** In two parts, with a release between them. */
export class AntibodyStory {
  readonly #parts: AntibodyStoryParts;
  readonly #startedAt = performance.now();
  #made: Readonly<{ cast: AntibodyCast; confirmed: number; examples: number }> | undefined;

  constructor(parts: AntibodyStoryParts) {
    this.#parts = parts;
  }

  /**
   * A maker sees an attack, its operator confirms what was raised, and both antibodies are put. Where nothing was raised, the next
   * cast plays. False: no cast could.
   */
  async confirm(): Promise<boolean> {
    for (const cast of this.#parts.casts.slice(0, castsMax)) {
      if (await this.#confirm(cast)) return true;
    }
    return false;
  }

  async #confirm(cast: AntibodyCast): Promise<boolean> {
    const { federation, screen } = this.#parts;
    const { maker, seen, family, finder, liar } = cast;
    screen.line(`\nantibodies: ${maker} is attacked (${family}); ${finder} is not, yet`);
    const alerts = await this.#watch(cast, maker, seen);
    const raised = Map.groupBy(alerts, threadOf).size;
    screen.line(`  ${raised} of ${seen.length} traces raised an alarm in ${maker}`);
    const [first, ...others] = alerts.map(({ id }) => id);
    if (first === undefined) return false;
    const more = others.length === 0 ? '' : `, and ${others.length} more`;
    screen.line(`  $ testudo feedback ${first} confirmed --family ${family}${more}`);
    await federation.desk(maker).confirm([first, ...others], family);
    const { path, antibody } = await this.#make(cast);
    const { examples, features } = antibody;
    screen.line(
      `  of the ${seen.length} traces that the intruder left an antibody is made: ${examples} different ones, ` +
        `${features.length} hashed features, ${antibodyBytes(antibody).length} bytes`,
    );
    if (examples < confirmedMin) {
      screen.line(`  others take an antibody of ${confirmedMin} different examples or more`);
      return false;
    }
    this.#made = { cast, confirmed: raised, examples };
    await this.#put(path, `confirmed in ${maker}`);
    const lie = await this.#poison(cast, antibody);
    if (lie !== undefined) await this.#put(lie, `${liar} says so; it is what ${finder} does all day`);
    return true;
  }

  /** A release has brought the antibodies along: what the finder makes of them, and of the attack when it comes. */
  async find(): Promise<AntibodyTale | undefined> {
    const { federation, screen } = this.#parts;
    if (this.#made === undefined) return undefined;
    const { cast, confirmed, examples } = this.#made;
    const { finder, later, family, maker } = cast;
    const remarks = await federation.until(async () => {
      const all = (await federation.desk(finder).remarks()).filter((one) => one.startsWith('antibody '));
      return all.length > 0 ? all : undefined;
    });
    screen.line(`  $ testudo agent status        # in ${finder}`);
    for (const remark of remarks) screen.line(`    ${remark}`);
    const raised = [...Map.groupBy(await this.#watch(cast, finder, later), threadOf).values()];
    const alike = raised.filter((alerts) => alerts.some((alert) => antibodyOf(alert)?.family === family));
    // The model's own risk is on the scale of the score that was held against the threshold.
    const alone = alike.filter((alerts) =>
      alerts.every((alert) => (antibodyOf(alert)?.modelRisk ?? Number.POSITIVE_INFINITY) <= alert.threshold),
    ).length;
    const silent =
      alone === 0
        ? 'the model alone would have found them too'
        : `the model alone would have passed over ${alone} of them`;
    screen.line(
      `  the attack comes to ${finder}: ${raised.length} of ${later.length} other traces of it raise an alarm, ` +
        `${alike.length} of them as what ${maker} confirmed (${silent})`,
    );
    const seconds = (performance.now() - this.#startedAt) / 1e3;
    const found = { later: later.length, alarms: raised.length, alike: alike.length, byAntibodyAlone: alone };
    return { family, maker, seen: cast.seen.length, confirmed, examples, finder, ...found, remarks, seconds };
  }

  /** The alerts that these traces raise in a cluster. */
  async #watch({ usual }: AntibodyCast, cluster: string, traces: readonly Trace[]): Promise<readonly Alert[]> {
    const { federation } = this.#parts;
    const desk = federation.desk(cluster);
    const marker = usual.get(cluster) as Trace;
    const before = { alerts: (await desk.alerts()).length, scored: await desk.scored() };
    const scored = async (more: readonly Trace[]) => (await desk.scored()) >= before.scored + piecesOf(more);
    await federation.observe(cluster, traces);
    await federation.until(() => scored(traces));
    // Pieces are judged one batch after the other: once a later one was scored, every alert of these is written.
    await federation.observe(cluster, [marker]);
    await federation.until(() => scored([...traces, marker]));
    return (await desk.alerts()).slice(before.alerts);
  }

  /** Who confirmed an alert looks at the whole incident: all of its traces, also those that raised nothing, against normal ones. */
  async #make({ maker, family, seen }: AntibodyCast): Promise<Readonly<{ path: string; antibody: Antibody }>> {
    const { federation, folder, screen } = this.#parts;
    const files = { attacks: 'incident.tsv.gz', normal: `${maker}/traces.tsv.gz`, out: `${family}.json` };
    const named = seen.map((trace) => ({ ...trace, family }));
    await writeTraces(join(folder, files.attacks), maker, named, 'attack');
    const words = ['antibodies', 'make', '--federation', federation.id, '--cluster', maker, '--family', family];
    const paths = (place: string) => Object.entries(files).flatMap(([flag, file]) => [`--${flag}`, join(place, file)]);
    screen.line(`  $ testudo ${[...words, ...paths('')].join(' ')}`);
    await federation.offlineCommand([...words, ...paths(folder)]);
    const path = join(folder, files.out);
    return { path, antibody: unwrap(readAntibody(await readFile(path))) };
  }

  /** The liar's file: what the finder does, said of an attack. */
  async #poison(
    cast: AntibodyCast,
    { federation, madeAtMs, expiresAtMs, track: of }: Antibody,
  ): Promise<string | undefined> {
    const { folder } = this.#parts;
    const antigens = distinctAntigens(cast.poison.map(({ calls }) => traceAntigens(calls)));
    const head = {
      federation,
      track: of,
      cluster: parseClusterId(cast.liar),
      family: poisonFamily,
      madeAtMs,
      expiresAtMs,
    };
    const poisoned = makeAntibody(head, antigens, []);
    if (poisoned === undefined) return undefined;
    const path = join(folder, `${poisonFamily}.json`);
    await writeFile(path, antibodyBytes(poisoned));
    return path;
  }

  async #put(path: string, reason: string): Promise<void> {
    const { federation, screen } = this.#parts;
    screen.line(`  $ testudo antibodies put ${track} ${basename(path)} --reason '${reason}'`);
    await federation.command(['antibodies', 'put', track, path, '--reason', reason]);
  }
}

/** Long traces are scored piece by piece. */
function piecesOf(traces: readonly Trace[]): number {
  return traces.reduce((sum, { calls }) => sum + Math.ceil(calls.length / defaultPieceCalls), 0);
}

/** Each trace plays as a process of its own. */
function threadOf({ detail }: Alert): number | undefined {
  return (detail.process as Readonly<{ pid: number }> | undefined)?.pid;
}

function antibodyOf({ detail }: Alert): Readonly<{ family: string; modelRisk: number }> | undefined {
  return detail.antibody as Readonly<{ family: string; modelRisk: number }> | undefined;
}
