import { Command } from '@commander-js/extra-typings';
import { didYouMean } from '../../base/text/nearest.ts';
import { decimalOf } from '../../base/text/number.ts';
import { table, time } from '../../base/text/table.ts';
import type { AuditEntry, FollowResponse } from '../../proto/generated/testudo/v1/operator.ts';
import { usage } from '../exit.ts';
import { wireJson } from '../json/wire-json.ts';
import { sinceFrom } from '../operator/arguments.ts';
import { type OperatorConnection, withConnection } from '../operator/connection.ts';
import { operatorCommand } from '../operator/options.ts';
import { complain, print } from '../print.ts';
import { verifyExportCommand } from './audit-verify.ts';
import { witnessCommand } from './audit-witness.ts';

const rowsMax = 100_000;
const pageRows = 500;

/** `testudo audit`: who did what, when and why. */
export function auditCommand() {
  return new Command('audit')
    .description('the journal as an audit log: list, follow, verify, witness')
    .addCommand(list())
    .addCommand(follow())
    .addCommand(verifyExportCommand())
    .addCommand(witnessCommand());
}

function list() {
  return operatorCommand('list', 'entries that fit, newest first; with --from, all from a position on, oldest first')
    .option('--rows <count>', 'how many', '100')
    .option('--kind <kind...>', 'of these kinds alone, such as refused operatorAdded')
    .option('--who <name>', "by this operator, cluster or address, or the coordinator's own")
    .option('--about <text>', 'that name this track, cluster, round, digest or code')
    .option('--since <time>', 'not older than this: 2026-11-24T18:00Z, or how long ago: 90m, 36h, 14d')
    .option('--from <sequence>', 'the first position wanted, oldest first')
    .action((options) => {
      const rows = decimalOf(options.rows);
      if (!Number.isInteger(rows) || rows < 1 || rows > rowsMax) usage(`--rows: 1 to ${rowsMax}, got ${options.rows}`);
      const { from, since, ...filters } = options;
      const unheard = (['kind', 'who', 'about', 'since'] as const).filter((name) => options[name] !== undefined);
      if (from !== undefined && unheard.length > 0) {
        const named = unheard.map((name) => `--${name}`).join(', ');
        usage(`--from lists every entry from a position on, and ${named} would leave some out: give one or the other`);
      }
      const sinceMs = BigInt(since === undefined ? 0 : sinceFrom('--since', since, Date.now()));
      const first = from === undefined ? undefined : sequenceFrom(from);
      return withConnection(options, async (connection) => {
        const entries =
          first === undefined
            ? await found(connection, { ...filters, sinceMs }, rows)
            : await listed(connection, first, rows);
        if (entries.length === 0) for (const kind of filters.kind ?? []) await warnOfKind(kind);
        if (options.json) for (const row of entries) print(wireJson(row));
        else print(table<AuditEntry>(entries, columns));
      });
    });
}

/** A newer coordinator may know kinds that are not known here: who asks for one is told, and not refused. */
async function warnOfKind(kind: string): Promise<void> {
  const { entryKinds } = await import('../../coordinator/transparency/ocsf-classes.ts');
  if (entryKinds.includes(kind)) return;
  complain(`warning: --kind ${kind}: no such kind is known here${didYouMean(kind, entryKinds)}`);
}

type Filters = Readonly<{
  kind?: string[] | undefined;
  who?: string | undefined;
  about?: string | undefined;
  sinceMs: bigint;
}>;

/** Newest first: call after call, until there are enough or nothing older can fit. */
async function found(connection: OperatorConnection, filters: Filters, rows: number): Promise<AuditEntry[]> {
  const { kind: kinds = [], who = '', about = '', sinceMs } = filters;
  const entries: AuditEntry[] = [];
  for (let before = 0n; ; ) {
    const size = Math.min(pageRows, rows - entries.length);
    const answer = await connection.call(connection.client.listAuditMatches, {
      before,
      size,
      kinds,
      who,
      about,
      sinceMs,
    });
    entries.push(...answer.entries);
    if (answer.before === 0n || entries.length >= rows) return entries;
    before = answer.before;
  }
}

async function listed(connection: OperatorConnection, first: bigint, rows: number): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (let next = first; entries.length < rows; ) {
    const size = Math.min(pageRows, rows - entries.length);
    const answer = await connection.call(connection.client.listAudit, { fromSequence: next, size });
    const last = answer.entries.at(-1);
    if (last === undefined) break;
    entries.push(...answer.entries);
    next = last.sequence + 1n;
  }
  return entries;
}

const columns = [
  { title: 'SEQ', text: ({ sequence }: AuditEntry) => String(sequence), align: 'right' as const },
  { title: 'AT', text: ({ atMs }: AuditEntry) => time(atMs) },
  { title: 'WHO', text: ({ actor }: AuditEntry) => actor },
  { title: 'WHAT', text: ({ kind }: AuditEntry) => kind },
  {
    title: 'DETAIL',
    text: ({ eventJson }: AuditEntry) => (eventJson.length > 120 ? `${eventJson.slice(0, 119)}…` : eventJson),
  },
];

function sequenceFrom(text: string): bigint {
  return /^\d{1,16}$/.test(text) ? BigInt(text) : usage(`--from: expected a position, got ${text}`);
}

function follow() {
  return operatorCommand('follow', 'entries as they happen, until interrupted')
    .option('--from <sequence>', 'the first position wanted; 0 means from now on', '0')
    .action((options) => {
      const fromSequence = sequenceFrom(options.from);
      return withConnection(options, async (connection) => {
        const stream = connection.client.follow({ fromSequence });
        try {
          for await (const { entry } of stream as AsyncIterable<FollowResponse>) {
            if (entry === undefined) continue;
            if (options.json) print(wireJson(entry));
            else print(`${entry.sequence}  ${time(entry.atMs)}  ${entry.actor}  ${entry.kind}  ${entry.eventJson}`);
          }
        } catch (error) {
          connection.failed(error);
        }
      });
    });
}
